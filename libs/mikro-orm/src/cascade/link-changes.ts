import type { LinkOrder } from '../capture/change.js';
import type { EntityMetadata } from '@mikro-orm/core';
import type { Json } from '../model/json.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { storedTarget } from './cascade-changes.js';
import { type FoundRow, identityOf, rowId } from './found-row.js';
import type { LinkEnds } from './pivot-links.js';
import type { RowReader } from './rows.query.js';

/** The columns of one end of a link. */
export type LinkKey = readonly unknown[];

/** Links that come to and go from one many-to-many collection of one owner, by the columns of their ends. */
export interface ChangedLinks {
  readonly ends: Pick<LinkEnds, 'ownerTable' | 'collection'>;
  readonly owner: LinkKey;
  readonly removed: readonly LinkKey[];
  readonly added: readonly LinkKey[];
  /** See `LinkOrder`. */
  readonly order?: { readonly last: readonly LinkKey[]; readonly before: readonly LinkKey[] | undefined };
}

/** An object that owns links. */
export interface LinkOwner {
  readonly table: EntityMetadata;
  readonly key: LinkKey;
  readonly identity: string;
}

/** The class of an owner, where it is known without a query. */
export type KnownClass = (owner: LinkOwner) => unknown;

/** What changes in the collections of one object. */
export interface OwnerLinks {
  readonly tracked: TrackedEntity;
  readonly id: string;
  readonly links: Record<string, { readonly added: Json[]; readonly removed: Json[]; order?: LinkOrder }>;
}

/** Changed links by the object whose collection owns them, so that each is recorded once. */
export async function changedLinks(
  links: Iterable<ChangedLinks>,
  known: KnownClass,
  reader: RowReader,
): Promise<ReadonlyMap<string, OwnerLinks>> {
  const byOwner = new Map<string, OwnerLinks>();
  for (const [ownerTable, ofTable] of Map.groupBy(links, ({ ends }) => ends.ownerTable)) {
    const classes = await ownerClasses(ownerTable, ofTable, known, reader);
    for (const link of ofTable) addLinks(byOwner, link, classes, reader);
  }
  return byOwner;
}

/** Knows what a plan has read. */
export function knownRows(rows: ReadonlyMap<string, FoundRow>): KnownClass {
  return ({ identity }) => rows.get(identity)?.meta.class;
}

function addLinks(
  byOwner: Map<string, OwnerLinks>,
  { ends, owner, removed, added, order }: ChangedLinks,
  classes: ReadonlyMap<string, unknown>,
  { entities }: RowReader,
): void {
  const id = rowId(ends.ownerTable, owner, entities);
  const identity = identityOf(ends.ownerTable, id);
  const tracked = entities.tracked(classes.get(identity) ?? ends.ownerTable.class);
  const { name } = ends.collection;
  if (!tracked?.collections.has(name)) return;
  const ofOwner = byOwner.get(identity) ?? { tracked, id, links: {} };
  byOwner.set(identity, ofOwner);
  const stored = (targets: readonly LinkKey[]): Json[] => targets.map(target => storedTarget(tracked, name, target));
  const change = (ofOwner.links[name] ??= { added: [], removed: [] });
  for (const target of stored(removed)) change.removed.push(target);
  for (const target of stored(added)) change.added.push(target);
  if (order) change.order = { last: stored(order.last), before: order.before && stored(order.before) };
}

/** A link's row does not say which class of a hierarchy owns it. */
async function ownerClasses(
  table: EntityMetadata,
  links: readonly ChangedLinks[],
  known: KnownClass,
  reader: RowReader,
): Promise<ReadonlyMap<string, unknown>> {
  const classes = new Map<string, unknown>();
  if (reader.graph.classesIn(table).length < 2) return classes;
  const unread = new Map<string, LinkKey>();
  for (const { owner: key } of links) {
    const identity = identityOf(table, rowId(table, key, reader.entities));
    const found = known({ table, key, identity });
    if (found) classes.set(identity, found);
    else unread.set(identity, key);
  }
  if (unread.size === 0) return classes;
  for (const { meta, id } of await reader.byKey(table, [...unread.values()])) {
    classes.set(identityOf(meta, id), meta.class);
  }
  return classes;
}
