import { assetAddress } from '../assets/assets.js';
import type { PageContent } from '../mount/page-writer.js';
import { type Html, markup } from './markup.js';

/** A whole page. The script only saves reloads: without it, every link and form works by itself. */
export function layout(title: string, root: string, content: PageContent): Html {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="htmx-config" content="{&quot;includeIndicatorCSS&quot;:false}">
<title>${content.title} · ${title}</title>
<link rel="stylesheet" href="${assetAddress(root, 'style.css')}">
<script src="${assetAddress(root, 'htmx.js')}" defer></script>
</head>
<body hx-boost:inherited="true">
<a class="skip" href="#main">Skip to the content</a>
<header><nav aria-label="${title}"><a href="${root}">${title}</a> <a href="${root}/deleted">Deleted</a></nav></header>
<main id="main" tabindex="-1">
${content.main}
</main>
</body>
</html>
`;
}
