import {
  type ChangeSet,
  type Dictionary,
  type EntityManager,
  helper,
  isRaw,
  type Transaction,
  type UnitOfWork,
  Utils,
} from '@mikro-orm/core';
import { conditionKey } from '../model/stored-key.js';
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
    if (!isOther && !overwritesUnknown(set, entity, capture.uow, em)) continue;
    const ofClass = unknown.get(entity);
    if (ofClass) ofClass.push(set.entity as object);
    else unknown.set(entity, [set.entity as object]);
  }
  return unknown;
}

function overwritesUnknown(set: ChangeSet<object>, entity: TrackedEntity, uow: UnitOfWork, em: EntityManager): boolean {
  const known = withGenerated(rowBefore(set, entity, uow), set.entity, entity, em);
  // what an object links has to be known whatever else of it changes
  const isWhole = set.type.startsWith('delete') || entity.meta.pivotTable || changesKey(set, entity);
  return hasUnknown(isWhole ? entity.attributes.keys() : overwritten(set, entity), entity, known);
}

function hasUnknown(names: Iterable<string>, { attributes }: TrackedEntity, row: RowData): boolean {
  for (const name of names) if (attributes.has(name) && isUnknown(name, row)) return true;
  return false;
}

/** What an update writes; the database computes its own columns anew, and the ORM reads them back. */
function overwritten({ payload }: ChangeSet<object>, { generated }: TrackedEntity): string[] {
  const written = Object.keys(payload);
  return generated.length === 0 ? written : [...written, ...generated.map(({ name }) => name)];
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

/**
 * What overwrites values that nobody asked the database for yet, because `onFlush` did not show it: an update that comes
 * behind others, or a value that a hook of the application has set.
 */
export function fetchMissing(
  em: EntityManager,
  captured: CapturedEntity,
  changeSet: ChangeSet<object>,
): Promise<void> | undefined {
  const { tracked, before, action, fetched } = captured;
  const ctx = em.getTransactionContext();
  if (action === 'create' || fetched || !ctx) return undefined;
  const names = changeSet.type.startsWith('delete') ? tracked.attributes.keys() : overwritten(changeSet, tracked);
  return hasUnknown(names, tracked, before) ? fetchRow(em, captured, ctx) : undefined;
}

async function fetchRow(em: EntityManager, captured: CapturedEntity, ctx: Transaction): Promise<void> {
  const rows = await fetchRows(em, new Map([[captured.tracked, [captured.entity]]]), ctx);
  captured.fetched = rows.get(captured.entity);
  captured.isAbsent = captured.fetched === undefined;
}
