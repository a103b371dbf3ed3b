import {
  type ChangeSet,
  type Dictionary,
  type EntityManager,
  helper,
  ScalarReference,
  type Transaction,
  type UnitOfWork,
  Utils,
} from '@mikro-orm/core';
import type { TrackedEntities, TrackedEntity } from '../tracking/tracked-entities.js';
import type { CapturedEntity, RowData } from './flush-capture.js';

/** Rows by entity, read where the ORM does not know what a flush is about to overwrite. */
export type FetchedRows = Map<object, RowData>;

/** Entities whose update or delete overwrites values that the ORM never read, by class. */
export function entitiesToFetch(uow: UnitOfWork, tracked: TrackedEntities): Map<TrackedEntity, object[]> {
  const unknown = new Map<TrackedEntity, object[]>();
  for (const set of uow.getChangeSets()) {
    const entity = tracked.captured(helper(set.entity).__meta.class);
    if (!entity || set.type === 'create' || !overwritesUnknown(set, entity, uow)) continue;
    unknown.set(entity, [...(unknown.get(entity) ?? []), set.entity as object]);
  }
  return unknown;
}

function overwritesUnknown(set: ChangeSet<object>, entity: TrackedEntity, uow: UnitOfWork): boolean {
  const known = (set.originalEntity ?? uow.getOriginalEntityData(set.entity) ?? {}) as RowData;
  // what an object links has to be known whatever else of it changes
  const isWhole = set.type.startsWith('delete') || entity.meta.pivotTable;
  const names = isWhole ? entity.attributes.keys() : Object.keys(set.payload);
  return [...names].some(name => entity.attributes.has(name) && !(name in known));
}

/** One query for each class: the driver applies no filters, and a transaction reads from the primary. */
export async function fetchRows(
  em: EntityManager,
  wanted: ReadonlyMap<TrackedEntity, readonly object[]>,
  ctx: Transaction,
): Promise<FetchedRows> {
  const rows: FetchedRows = new Map();
  for (const [tracked, entities] of wanted) {
    const byId = new Map(entities.map(entity => [tracked.objectId(entity), entity]));
    for (const row of await findRows(em, tracked, entities, ctx)) {
      const entity = byId.get(tracked.objectId(row));
      if (entity) rows.set(entity, row);
    }
  }
  return rows;
}

async function findRows(
  em: EntityManager,
  tracked: TrackedEntity,
  entities: readonly object[],
  ctx: Transaction,
): Promise<RowData[]> {
  const { meta } = tracked;
  const keys = entities.map(entity => helper(entity).getPrimaryKey(true));
  const where = { [Utils.getPrimaryKeyHash(meta.primaryKeys)]: { $in: keys } } as Dictionary;
  const fields = [...meta.primaryKeys, ...tracked.attributes.keys()];
  const options = { ctx, connectionType: 'write', fields, schema: helper(entities[0]!).getSchema() } as const;
  return (await em.getDriver().find(meta.class, where, options as Dictionary)) as RowData[];
}

/** Attributes that have a value now and were never read: an application's own `beforeUpdate` hook set them. */
export function assignedUnknown({ entity, tracked, before }: CapturedEntity): string[] {
  return [...tracked.attributes.keys()].filter(name => !(name in before) && hasValue((entity as RowData)[name]));
}

function hasValue(value: unknown): boolean {
  return ScalarReference.isScalarReference(value) ? value.isInitialized() : value !== undefined;
}

/** An update that `onFlush` did not show overwrites values that nobody asked the database for yet. */
export async function fetchMissing(
  em: EntityManager,
  captured: CapturedEntity,
  names: readonly string[],
): Promise<void> {
  const { tracked, before } = captured;
  const isUnknown = names.some(name => tracked.attributes.has(name) && !(name in before));
  const ctx = em.getTransactionContext();
  if (!isUnknown || captured.fetched || !ctx) return;
  const rows = await fetchRows(em, new Map([[tracked, [captured.entity]]]), ctx);
  captured.fetched = rows.get(captured.entity);
}
