import type { Json } from '../model/json.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { storedTarget } from './cascade-changes.js';
import { type FoundRow, identityOf, rowId } from './found-row.js';
import type { LinkEnds } from './pivot-links.js';
import type { RowReader } from './rows.query.js';

/** A link of a many-to-many collection that goes, or gets another target, by the columns of its ends. */
export interface ChangedLink {
  readonly ends: LinkEnds;
  readonly owner: readonly unknown[];
  /** Where it gets another owner: the owner's key is changed. */
  readonly ownerAfter?: readonly unknown[];
  readonly removed: readonly unknown[];
  readonly added?: readonly unknown[];
}

/** What changes in the collections of one object. */
export interface OwnerLinks {
  readonly tracked: TrackedEntity;
  readonly id: string;
  readonly links: Record<string, { readonly added: Json[]; readonly removed: Json[] }>;
}

/** Changed links by the object whose collection owns them, so that each is recorded once. */
export async function changedLinks(
  links: Iterable<ChangedLink>,
  known: ReadonlyMap<string, FoundRow>,
  reader: RowReader,
): Promise<ReadonlyMap<string, OwnerLinks>> {
  const byOwner = new Map<string, OwnerLinks>();
  for (const [ends, ofEnds] of byCollection(links)) {
    const classes = await ownerClasses(ends, ofEnds, known, reader);
    for (const link of ofEnds) addLink(byOwner, link, classes, reader);
  }
  return byOwner;
}

function byCollection(links: Iterable<ChangedLink>): Map<LinkEnds, ChangedLink[]> {
  const grouped = new Map<LinkEnds, ChangedLink[]>();
  for (const link of links) {
    const ofEnds = grouped.get(link.ends);
    if (ofEnds) ofEnds.push(link);
    else grouped.set(link.ends, [link]);
  }
  return grouped;
}

function addLink(
  byOwner: Map<string, OwnerLinks>,
  { ends, owner, ownerAfter, removed, added }: ChangedLink,
  classes: ReadonlyMap<string, unknown>,
  { entities }: RowReader,
): void {
  const { ownerTable, collection } = ends;
  const id = rowId(ownerTable, owner, entities);
  const tracked = entities.tracked(classes.get(identityOf(ownerTable, id)) ?? ownerTable.class);
  if (!tracked?.collections.has(collection.name)) return;
  const linksOf = (key: string) => {
    const identity = identityOf(ownerTable, key);
    const ofOwner = byOwner.get(identity) ?? { tracked, id: key, links: {} };
    byOwner.set(identity, ofOwner);
    return (ofOwner.links[collection.name] ??= { added: [], removed: [] });
  };
  const idAfter = ownerAfter ? rowId(ownerTable, ownerAfter, entities) : id;
  if (removed) linksOf(id).removed.push(storedTarget(tracked, collection.name, removed));
  if (added) linksOf(idAfter).added.push(storedTarget(tracked, collection.name, added));
}

/** A link's row does not say which class of a hierarchy owns it; rows that go have been read already. */
async function ownerClasses(
  { ownerTable }: LinkEnds,
  links: readonly ChangedLink[],
  known: ReadonlyMap<string, FoundRow>,
  reader: RowReader,
): Promise<ReadonlyMap<string, unknown>> {
  const classes = new Map<string, unknown>();
  if (reader.graph.classesIn(ownerTable).length < 2) return classes;
  const unread = new Map<string, readonly unknown[]>();
  for (const { owner } of links) {
    const identity = identityOf(ownerTable, rowId(ownerTable, owner, reader.entities));
    const row = known.get(identity);
    if (row) classes.set(identity, row.meta.class);
    else unread.set(identity, owner);
  }
  if (unread.size === 0) return classes;
  for (const { meta, id } of await reader.byKey(ownerTable, [...unread.values()])) {
    classes.set(identityOf(meta, id), meta.class);
  }
  return classes;
}
