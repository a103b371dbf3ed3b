import { type ChangeSet, type EntityManager, helper, isRaw, type UnitOfWork } from '@mikro-orm/core';
import type { TrackedEntity } from '../tracking/tracked-entities.js';

/** The ORM's copy of a row: database values under property names. A missing key is not known. */
export type RowData = Readonly<Record<string, unknown>>;

/** A row of which nothing is known. */
export const NOTHING: RowData = {};

/** The row before the flush, as far as the ORM knows it. */
export function rowBefore(changeSet: ChangeSet<object>, tracked: TrackedEntity, uow: UnitOfWork): RowData {
  const row = (changeSet.originalEntity ?? uow.getOriginalEntityData(changeSet.entity) ?? NOTHING) as RowData;
  if (tracked.misread.size + tracked.json.size === 0) return row;
  const isWrong = (name: string) => tracked.misread.has(name) || (tracked.json.has(name) && !isJsonText(row[name]));
  const wrong = [...tracked.misread, ...tracked.json].filter(name => name in row && isWrong(name));
  return wrong.length === 0 ? row : Object.fromEntries(Object.entries(row).filter(([name]) => !wrong.includes(name)));
}

/**
 * A snapshot holds JSON as text. That of an object that was a reference when it was loaded holds the very value that the
 * entity has, so that it changes along with it (MikroORM 7.2, EntityFactory.mergeData).
 */
function isJsonText(value: unknown): boolean {
  if (value === null || value === undefined || isRaw(value)) return true;
  if (typeof value !== 'string') return false;
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}

/** Columns that the database computes are not part of the ORM's snapshot after a flush; the entity has them. */
export function withGenerated(snapshot: RowData, entity: object, tracked: TrackedEntity, em: EntityManager): RowData {
  if (tracked.generated.length === 0) return snapshot;
  const values: Record<string, unknown> = { ...snapshot };
  for (const { name, prop } of tracked.generated) {
    const value = (entity as RowData)[name];
    if (value === undefined) continue;
    values[name] = prop.customType ? prop.customType.convertToDatabaseValue(value, em.getPlatform()) : value;
  }
  return values;
}

/** Whether an update gives the row another key, which makes it another object. */
export function changesKey({ originalEntity, payload }: ChangeSet<object>, { meta }: TrackedEntity): boolean {
  return originalEntity !== undefined && meta.primaryKeys.some(key => key in originalEntity && key in payload);
}

/** Whether what is to be deleted was never inserted. */
export function wasNeverThere({ type, entity }: ChangeSet<object>, tracked: TrackedEntity): boolean {
  return type.startsWith('delete') && !tracked.hasKey(entity);
}

/** Whether a deletion deletes another row than the one that was loaded, because the key was changed in memory. */
export function deletesAnother({ type, entity }: ChangeSet<object>, tracked: TrackedEntity): boolean {
  if (!type.startsWith('delete')) return false;
  const original = helper(entity).__originalEntityData as RowData | undefined;
  const { primaryKeys } = tracked.meta;
  if (!original || primaryKeys.some(name => original[name] === undefined)) return false;
  const isPlain = tracked.keyColumns.every(({ prop }) => !prop.customType);
  if (isPlain && primaryKeys.every(name => original[name] === (entity as RowData)[name])) return false;
  return tracked.objectIdOfRow(original) !== tracked.objectId(entity);
}

/** The columns of the key that an entity's row has in the database, as the database has them: before it is changed. */
export function keyInDatabase(entity: object): unknown[] {
  const { __originalEntityData: original, __meta: meta } = helper(entity);
  const row = original as RowData | undefined;
  const isKnown = row && meta.primaryKeys.every(name => row[name] !== undefined && row[name] !== null);
  return isKnown ? meta.primaryKeys.map(name => row[name]).flat(Infinity) : keyInMemory(entity);
}

/** The columns of the key that an entity has; by it MikroORM 7.2 finds the row that it deletes. */
export function keyInMemory(entity: object): unknown[] {
  return (helper(entity).getPrimaryKeys(true) as unknown[]).flat(Infinity);
}
