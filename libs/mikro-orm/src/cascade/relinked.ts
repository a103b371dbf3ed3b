import type { EntityProperty } from '@mikro-orm/core';
import type { NewValues } from './cascade-changes.js';
import { columnValues, type FoundRow, identityOf } from './found-row.js';
import type { ChangedLinks, LinkKey } from './link-changes.js';
import { inPlaces, type LinkEnds } from './pivot-links.js';
import type { RekeyedRow } from './plan-key-change.js';

/** Links whose rows follow the keys at their ends. */
export interface Relinked {
  /** Of objects that end, because their own key is another one now. */
  readonly ended: ChangedLinks[];
  readonly changed: ChangedLinks[];
}

/** Where the owner's own key changes, the object is another one: its links go with the old one and come with the new. */
export function relinked(rekeyed: readonly RekeyedRow[]): Relinked {
  const links: Relinked = { ended: [], changed: [] };
  for (const { found, values, ends } of linkRows(rekeyed)) {
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

/** A link of an object to itself is found from both of its ends. */
function linkRows(rekeyed: readonly RekeyedRow[]): LinkRow[] {
  const rows = new Map<string, Omit<LinkRow, 'ends'> & { readonly links: readonly LinkEnds[] }>();
  for (const { found, values, edge } of rekeyed) {
    if (!edge || edge.links.length === 0) continue;
    const identity = identityOf(found.meta, found.id);
    const known = rows.get(identity)?.values ?? [];
    rows.set(identity, { found, values: new Map([...known, ...values]), links: edge.links });
  }
  const links = [...rows.values()].flatMap(({ links: all, ...row }) => all.map(ends => ({ ...row, ends })));
  return inPlaces(links, ({ ends, found: { row } }) => row[ends.collection.fixedOrderColumn ?? '']);
}

function keys({ row }: FoundRow, prop: EntityProperty, values: NewValues): [before: LinkKey, after: LinkKey] {
  const before = columnValues(row, prop);
  const after = prop.fieldNames.map((column, index) => (values.has(column) ? values.get(column) : before[index]));
  return [before, after];
}
