/** What a page knows of its request, on either platform. */
export interface PageRequest {
  /** What the addresses of other pages begin with, as seen from this one. */
  readonly root: string;
  /** What the query string says; of a name that is given twice, the last. */
  readonly query: ReadonlyMap<string, string>;
  /** Everything that the query string gives under one name. */
  readonly all: (name: string) => readonly string[];
}

/**
 * @param url the request's path and query string
 * @param depth how many segments the page's path has below the path where the pages are mounted
 */
export function pageRequest(url: string, depth: number): PageRequest {
  const at = url.indexOf('?');
  const path = at < 0 ? url : url.slice(0, at);
  const params = new URLSearchParams(at < 0 ? '' : url.slice(at));
  // PostgreSQL has no text with a NUL in it, and fails a statement that asks for one.
  const pairs = [...params].map(([name, value]) => [name, value.replaceAll('\0', '')] as const);
  const all = (wanted: string) => pairs.filter(([name]) => name === wanted).map(([, value]) => value);
  return { root: rootFrom(path, depth), query: new Map(pairs), all };
}

/** Relative, because a proxy may show the application under another path than it knows of. */
function rootFrom(path: string, depth: number): string {
  const segments = path.replace(/\/$/, '').split('/');
  const mounted = segments[segments.length - 1 - depth] ?? '';
  const up = depth + (path.endsWith('/') ? 1 : 0);
  return `${up === 0 ? './' : '../'.repeat(up)}${mounted}`;
}

/** What a query string holds; nothing of what is not given, and several of what is a list. */
export type AddressQuery = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** An address with a query string, in which what is not given is left out. */
export function address(path: string, query: AddressQuery): string {
  const params = new URLSearchParams();
  for (const [name, given] of Object.entries(query)) {
    for (const value of [given].flat()) {
      if (value !== undefined && value !== '') params.append(name, String(value));
    }
  }
  return params.size === 0 ? path : `${path}?${params.toString()}`;
}
