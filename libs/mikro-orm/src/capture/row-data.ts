import type { ChangeSet, EntityManager, UnitOfWork } from '@mikro-orm/core';
import type { TrackedEntity } from '../tracking/tracked-entities.js';

/** The ORM's copy of a row: database values under property names. A missing key is not known. */
export type RowData = Readonly<Record<string, unknown>>;

/** A row of which nothing is known. */
export const NOTHING: RowData = {};

/** The row before the flush, as far as the ORM knows it. */
export function rowBefore(changeSet: ChangeSet<object>, { misread }: TrackedEntity, uow: UnitOfWork): RowData {
  const row = (changeSet.originalEntity ?? uow.getOriginalEntityData(changeSet.entity) ?? NOTHING) as RowData;
  return misread.size === 0 ? row : Object.fromEntries(Object.entries(row).filter(([name]) => !misread.has(name)));
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
