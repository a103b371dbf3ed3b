const LONG_ID = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/** 32226 → "32,226" */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** "1 commit", "1,444 commits" */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** 2026-01-31 12:00 */
export function formatTime(time: Date): string {
  return time.toISOString().slice(0, 16).replace('T', ' ');
}

/** A stored value in a few letters: git's ids are shortened as git does, links are `+1 +2 −3`. */
export function formatValue(value: unknown): string {
  if (value === null || value === undefined) {
    return '–';
  }
  if (typeof value === 'string') {
    return LONG_ID.test(value) ? value.slice(0, 10) : value;
  }
  if (isLinks(value)) {
    return [...value.added.map(key => `+${String(key)}`), ...value.removed.map(key => `−${String(key)}`)].join(' ');
  }
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

/** What is recorded of a many-to-many relation: the keys that came and went. */
function isLinks(value: unknown): value is { added: unknown[]; removed: unknown[] } {
  const links = value as { added?: unknown; removed?: unknown };
  return Array.isArray(links.added) && Array.isArray(links.removed);
}
