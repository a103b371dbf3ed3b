import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { STYLESHEET } from './stylesheet.js';

/** A file that pages load. */
export interface Asset {
  readonly type: string;
  readonly content: string;
}

export type AssetName = 'style.css' | 'htmx.js';

const SCRIPT = createRequire(import.meta.url).resolve('htmx.org/dist/htmx.min.js');

const ASSETS: ReadonlyMap<string, Asset> = new Map<AssetName, Asset>([
  ['style.css', { type: 'text/css; charset=utf-8', content: STYLESHEET }],
  ['htmx.js', { type: 'text/javascript; charset=utf-8', content: fs.readFileSync(SCRIPT, 'utf8') }],
]);

const HASHES = new Map([...ASSETS].map(([name, { content }]) => [name, hashOf(content)]));

export function findAsset(name: string): Asset | undefined {
  return ASSETS.get(name);
}

/** With the file's content in the address, a browser may keep it for good. */
export function assetAddress(root: string, name: AssetName): string {
  return `${root}/assets/${name}?v=${HASHES.get(name)}`;
}

function hashOf(content: string): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}
