/** From one revision until another, by their ids, both included. */
export interface Period {
  readonly since: number;
  readonly until: number;
}

/** From before the history began until now. */
export const ALWAYS: Period = { since: 0, until: Number.MAX_SAFE_INTEGER };

/** What lies in both. */
export function intersect(some: readonly Period[], others: readonly Period[]): Period[] {
  return some.flatMap(one =>
    others
      .map(other => ({ since: Math.max(one.since, other.since), until: Math.min(one.until, other.until) }))
      .filter(({ since, until }) => since <= until),
  );
}

/** The same time in as few periods as possible, in order. */
export function union(periods: readonly Period[]): Period[] {
  const joined: Period[] = [];
  for (const next of periods.toSorted((a, b) => a.since - b.since)) {
    const last = joined.at(-1);
    if (last && next.since <= last.until) {
      joined[joined.length - 1] = { since: last.since, until: Math.max(last.until, next.until) };
    } else joined.push(next);
  }
  return joined;
}
