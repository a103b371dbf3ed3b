import { UnusableCursorError, UnusableFilterError } from './history.errors.js';
import type { PageOptions } from './filter/history-filter.js';

/** An array of what was found that knows where the next page begins. */
export class Page<T> extends Array<T> {
  readonly #next: string | null;

  constructor(items: Iterable<T>, next: string | null) {
    super();
    for (const item of items) this.push(item);
    this.#next = next;
  }

  /** What `after` has to be for the page behind this one; `null` if there is none. It may be kept and sent around. */
  get next(): string | null {
    return this.#next;
  }

  /** What is made from a page by `map`, `filter` and so on is an array. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
}

/** What is paged through, each by ids of its own. */
export type PagedKind = 'revisions' | 'deltas' | 'versions';

/** Where a page begins and how much is read for it: one more than asked for tells whether there is another page. */
export interface PageRange {
  readonly order: 'asc' | 'desc';
  readonly after: number | undefined;
  readonly limit: number | undefined;
}

/**
 * @throws {UnusableFilterError} if the limit is not a whole number from 1
 * @throws {UnusableCursorError} if the page would begin behind something else
 */
export function pageRange({ order = 'asc', limit, after }: PageOptions, kind: PagedKind): PageRange {
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0)) {
    throw new UnusableFilterError('limit', limit, 'a whole number from 1');
  }
  return { order, after: after === undefined || after === null ? undefined : idOf(after, kind), limit };
}

/** Makes a page of what was read, which may be one item more than the page holds. */
export function pageOf<T extends { readonly id: number }>(
  found: readonly T[],
  limit: number | undefined,
  kind: PagedKind,
): Page<T> {
  const items = limit === undefined ? found : found.slice(0, limit);
  return new Page(items, found.length > items.length ? cursorOf(items.at(-1)!.id, kind) : null);
}

/** Ids never change and have no gaps to fill, so that a place stays where it is whatever is recorded meanwhile. */
export function cursorOf(id: number, kind: PagedKind): string {
  return Buffer.from(`${kind}:${id}`).toString('base64url');
}

function idOf(after: string | number, kind: PagedKind): number {
  const text = typeof after === 'number' ? `${kind}:${after}` : Buffer.from(after, 'base64url').toString('utf8');
  const [, ofKind, id] = /^(\w+):(\d+)$/.exec(text) ?? [];
  if (ofKind !== kind || !Number.isSafeInteger(Number(id))) throw new UnusableCursorError(after, kind);
  return Number(id);
}
