import type { LinkRow } from './to-many.query.js';

/** A change of a collection, in the ids of the targets. */
export interface LinkEvent extends Pick<LinkRow, 'action'> {
  readonly isBefore: boolean;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly order: readonly string[] | undefined;
  readonly stood: readonly string[] | undefined;
}

/**
 * The targets of a collection with an order in the order that they had at a point: added up from where the owner began,
 * else taken back from how they stand now.
 */
export function inRecordedOrder(
  ids: ReadonlySet<string>,
  events: readonly LinkEvent[],
  live: readonly string[],
): Set<string> {
  const [before, after] = [events.filter(event => event.isBefore), events.filter(event => !event.isBefore)];
  const isWhole = before.some(({ action }) => action !== 'update');
  const known = isWhole ? before.reduce(carryOut, []) : after.reduceRight(takeBack, [...live]);
  return new Set([...known.filter(id => ids.has(id)), ...ids]);
}

/** What is added comes last; an order says of all that stand last how they do. */
function carryOut(list: readonly string[], { action, added, removed, order }: LinkEvent): readonly string[] {
  if (action === 'delete') return list;
  const last = order ?? added;
  return [...without(action === 'create' ? [] : list, [...removed, ...last]), ...last];
}

function takeBack(list: readonly string[], { added, removed, stood }: LinkEvent): string[] {
  const last = stood ?? removed;
  return [...without(list, [...added, ...last]), ...last];
}

function without(list: readonly string[], others: readonly string[]): string[] {
  const gone = new Set(others);
  return list.filter(id => !gone.has(id));
}
