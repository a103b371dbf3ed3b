import {
  type ChangeSet,
  type Dictionary,
  type EntityManager,
  helper,
  isRaw,
  ScalarReference,
  type Transaction,
  Utils,
} from '@mikro-orm/core';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { CapturedEntity, FlushCapture } from './flush-capture.js';
import {
  changesKey,
  deletesAnother,
  keyInDatabase,
  keyInMemory,
  rowBefore,
  type RowData,
  wasNeverThere,
  withGenerated,
} from './row-data.js';

/** Rows by entity, read where the ORM does not know what a flush is about to overwrite. */
export type FetchedRows = Map<object, RowData>;

/** Entities whose update or delete overwrites values that the ORM never read, or that are in doubt, by class. */
export function entitiesToFetch(capture: FlushCapture, em: EntityManager): Map<TrackedEntity, object[]> {
  const { uow, classes, fetched, isInDoubt } = capture;
  const unknown = new Map<TrackedEntity, object[]>();
  for (const set of uow.getChangeSets()) {
    const entity = classes.capturedOf(set.entity as object);
    if (!entity || set.type === 'create' || fetched.has(set.entity as object) || wasNeverThere(set, entity)) continue;
    const isOther = isInDoubt(set.entity) || deletesAnother(set, entity);
    if (!isOther && !overwritesUnknown(set, entity, capture, em)) continue;
    const ofClass = unknown.get(entity);
    if (ofClass) ofClass.push(set.entity as object);
    else unknown.set(entity, [set.entity as object]);
  }
  return unknown;
}

function overwritesUnknown(
  set: ChangeSet<object>,
  entity: TrackedEntity,
  { uow, later }: FlushCapture,
  em: EntityManager,
): boolean {
  const known = withGenerated(rowBefore(set, entity, uow), set.entity, entity, em);
  // what an object links has to be known whatever else of it changes
  const isWhole = set.type.startsWith('delete') || entity.meta.pivotTable;
  const mayBeAny = isWhole || changesKey(set, entity) || later.mayUpdate(entity.meta);
  const names = mayBeAny ? entity.attributes.keys() : overwritten(set, entity);
  return [...names].some(name => entity.attributes.has(name) && isUnknown(name, known));
}

/** What an update writes; the database computes its own columns anew, and the ORM reads them back. */
function overwritten({ payload }: ChangeSet<object>, { generated }: TrackedEntity): string[] {
  return [...Object.keys(payload), ...generated.map(({ name }) => name)];
}

/** What an SQL expression came to is not known. */
function isUnknown(name: string, row: RowData): boolean {
  return !(name in row) || isRaw(row[name]);
}

/** One query for each class, and schema: the driver applies no filters, and a transaction reads from the primary. */
export async function fetchRows(
  em: EntityManager,
  wanted: ReadonlyMap<TrackedEntity, readonly object[]>,
  ctx: Transaction,
): Promise<FetchedRows> {
  const rows: FetchedRows = new Map();
  const removed = em.getUnitOfWork(false).getRemoveStack() as ReadonlySet<object>;
  for (const [tracked, all] of wanted) {
    for (const [schema, entities] of Map.groupBy(all, entity => helper(entity).getSchema())) {
      const keys = entities.map(entity => (removed.has(entity) ? keyInMemory(entity) : keyInDatabase(entity)));
      const byId = new Map(entities.map((entity, index) => [tracked.objectIdOfKey(keys[index]!), entity]));
      for (const row of await findRows(em, tracked, keys, { ctx, schema })) {
        const entity = byId.get(tracked.objectIdOfRow(row));
        if (entity) rows.set(entity, row);
      }
    }
  }
  return rows;
}

async function findRows(
  em: EntityManager,
  { meta, fields }: TrackedEntity,
  keys: readonly (readonly unknown[])[],
  where: { readonly ctx: Transaction; readonly schema: string | undefined },
): Promise<RowData[]> {
  const condition = { [Utils.getPrimaryKeyHash(meta.primaryKeys)]: { $in: keys.map(conditionKey) } } as Dictionary;
  const options = { ...where, connectionType: 'write', fields } as const;
  return (await em.getDriver().find(meta.class, condition, options as Dictionary)) as RowData[];
}

/** A key in the form that the ORM takes in a condition: a value, or an array of those of a composite key. */
function conditionKey(values: readonly unknown[]): unknown {
  return values.length === 1 ? values[0] : values;
}

/** What an update that `onFlush` may not have shown as it is now overwrites, or what others may still have it overwrite. */
export function namesToKnow(captured: CapturedEntity, changeSet: ChangeSet<object>, { later }: FlushCapture): string[] {
  const { tracked } = captured;
  if (later.mayUpdate(tracked.meta)) return [...tracked.attributes.keys()];
  return [...overwritten(changeSet, tracked), ...assignedUnknown(captured)];
}

/** Attributes that have a value now and were never read: an application's own `beforeUpdate` hook set them. */
function assignedUnknown({ entity, tracked, before }: CapturedEntity): string[] {
  const names = [...tracked.attributes.keys()].filter(name => !(name in before) && !tracked.misread.has(name));
  return names.filter(name => hasValue((entity as RowData)[name]));
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
  const hasUnknown = names.some(name => tracked.attributes.has(name) && isUnknown(name, before));
  const ctx = em.getTransactionContext();
  if (!hasUnknown || captured.fetched || !ctx) return;
  const rows = await fetchRows(em, new Map([[tracked, [captured.entity]]]), ctx);
  captured.fetched = rows.get(captured.entity);
  captured.isAbsent = captured.fetched === undefined;
}
