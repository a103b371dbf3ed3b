import type { EntityProperty } from '@mikro-orm/core';
import type { NewValues } from './cascade-changes.js';
import { columnValues, type FoundRow } from './found-row.js';
import type { ChangedLinks, LinkKey } from './link-changes.js';
import { inPlaces, type LinkEnds } from './pivot-links.js';
import type { FollowingRow } from './plan-key-change.js';

/** Links whose rows follow the keys at their ends. */
export interface Relinked {
  /** Of objects that end, because their own key is another one now. */
  readonly ended: ChangedLinks[];
  readonly changed: ChangedLinks[];
}

/** Where the owner's own key changes, the object is another one: its links go with the old one and come with the new. */
export function relinked(followers: readonly FollowingRow[]): Relinked {
  const links: Relinked = { ended: [], changed: [] };
  for (const { found, values, ends } of linkRows(followers)) {
    const [owner, newOwner] = keys(found, ends.ownerProp, values);
    const [target, newTarget] = keys(found, ends.targetProp, values);
    if (JSON.stringify(owner) === JSON.stringify(newOwner)) {
      links.changed.push({ ends, owner, removed: [target], added: [newTarget] });
    } else {
      links.ended.push({ ends, owner, removed: [target], added: [] });
      links.changed.push({ ends, owner: newOwner, removed: [], added: [newTarget] });
    }
  }
  return links;
}

interface LinkRow {
  readonly found: FoundRow;
  readonly values: NewValues;
  readonly ends: LinkEnds;
}

function linkRows(followers: readonly FollowingRow[]): LinkRow[] {
  const links = followers.flatMap(({ found, values, edge }) => {
    const isChanged = ({ ownerProp, targetProp }: LinkEnds) =>
      [ownerProp, targetProp].some(prop => prop.fieldNames.some(column => values.has(column)));
    return (edge?.links ?? []).filter(isChanged).map(ends => ({ found, values, ends }));
  });
  return inPlaces(links, ({ ends, found: { row } }) => row[ends.collection.fixedOrderColumn ?? '']);
}

function keys({ row }: FoundRow, prop: EntityProperty, values: NewValues): [before: LinkKey, after: LinkKey] {
  const before = columnValues(row, prop);
  const after = prop.fieldNames.map((column, index) => (values.has(column) ? values.get(column) : before[index]));
  return [before, after];
}
