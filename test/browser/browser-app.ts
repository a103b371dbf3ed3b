import { RevyBrowserModule, type RevyBrowserOptions } from '@revy/browser';
import { RevyModule } from '@revy/nestjs';
import { type BlogApp, type BlogAppOptions, startBlog } from '../nest/blog-app.js';

/** The blog with its history on show to everybody, unless the options say otherwise. */
export function startBrowser(
  app: BlogAppOptions,
  options: RevyBrowserOptions = { canActivate: () => true },
): Promise<BlogApp> {
  return startBlog({ ...app, revy: [RevyModule.forRoot(), RevyBrowserModule.forRoot(options)] });
}

/** What a page says, without its markup; the text of neighbouring elements is kept apart. */
export function textOf(page: string): string {
  const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", '#96': '`' };
  return page
    .slice(page.indexOf('<main'))
    .replace(/<(\/?(p|li|h\d|tr|td|th|ol|ul|summary|label|option|nav|pre)\b)[^>]*>/g, '\n')
    .replace(/<[^>]*>/g, '')
    .replace(/&(#?\w+);/g, (_, name: string) => entities[name] ?? `&${name};`)
    .replace(/[ \t]+/g, ' ')
    .replace(/\s*\n\s*/g, '\n')
    .trim();
}
