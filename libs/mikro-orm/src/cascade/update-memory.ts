import { type Dictionary, helper, type UnitOfWork } from '@mikro-orm/core';
import type { ForeignKeyEdge } from './foreign-key-edge.js';
import { conditionKey, type FoundRow, keyValues } from './found-row.js';
import type { NewForeignKeys } from './new-foreign-keys.js';
import type { DeletionPlan } from './plan-deletion.js';
import type { RowReader } from './rows.query.js';

/**
 * Tells the unit of work what becomes of the rows that it has loaded. MikroORM 7.2 does not follow the database's rules:
 * its next flush would update rows that are gone, and unset once more what is unset, and both would be recorded.
 */
export function updateMemory(plan: DeletionPlan, values: NewForeignKeys, reader: RowReader): void {
  const uow = reader.em.getUnitOfWork(false);
  for (const found of plan.lost.values()) {
    const entity = found.level > 0 ? managed(found, reader, uow) : undefined;
    if (entity && !uow.getRemoveStack().has(entity)) uow.unsetIdentity(entity);
  }
  for (const { edge, ...found } of plan.changed) {
    const entity = managed(found, reader, uow);
    if (entity) assign(entity, edge, values.of(edge), reader);
  }
}

function managed({ meta, row }: FoundRow, reader: RowReader, uow: UnitOfWork): object | undefined {
  const key = conditionKey(keyValues(meta, row)) as never;
  return uow.getById(meta.class, key, reader.schemaOf(meta), true) as object | undefined;
}

function assign(entity: object, { prop }: ForeignKeyEdge, values: readonly unknown[], { em }: RowReader): void {
  const key = values.includes(null) ? null : conditionKey(values);
  const original = helper(entity).__originalEntityData as Dictionary | undefined;
  if (original) original[prop.name] = key;
  const options = { wrapped: Boolean(prop.ref), convertCustomTypes: true, key: prop.targetKey };
  const value =
    key === null || prop.mapToPk ? key : em.getReference(prop.targetMeta!.class, key as never, options as never);
  (entity as Dictionary)[prop.name] = value;
}
