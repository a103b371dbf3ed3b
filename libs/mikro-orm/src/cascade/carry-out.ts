import { type Dictionary, type EntityManager, type EntityMetadata, Utils } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/sql';
import type { DeletionOrder } from './deletion-order.js';
import type { ForeignKeyEdge } from './foreign-key-edge.js';
import { type FoundRow, keyValues } from './found-row.js';
import { conditionKey } from '../model/stored-key.js';
import type { NewForeignKeys } from './new-foreign-keys.js';
import type { DeletionPlan } from './plan-deletion.js';
import type { RowReader } from './rows.query.js';

/**
 * Does what handlers say, before the ORM deletes what they are about: first the foreign keys that are set, then the
 * rows that are deleted, those that refer to others first. A statement for each foreign key, table and level.
 */
export async function carryOut(
  plan: DeletionPlan,
  values: NewForeignKeys,
  reader: RowReader,
  order: DeletionOrder,
): Promise<void> {
  for (const { edge, keys } of plan.updates) await setForeignKeys(edge, keys, values.of(edge), reader);
  const rows = [...plan.lost.values()].filter(row => row.isHandled);
  for (const step of order.steps(rows)) await deleteRows(step, reader);
}

async function setForeignKeys(
  edge: ForeignKeyEdge,
  keys: readonly (readonly unknown[])[],
  values: readonly unknown[],
  reader: RowReader,
): Promise<void> {
  const { name } = edge.prop;
  const where = { [name]: { $in: keys.map(conditionKey) } };
  const data = { [name]: conditionKey(values) };
  const options = { ...writeOptions(edge.table, reader), convertCustomTypes: false };
  const classes = edge.table.inheritanceType === 'tpt' ? [edge.table] : reader.classesWith(edge);
  for (const { class: as } of classes) await driverOf(reader.em).nativeUpdate<Dictionary>(as, where, data, options);
}

/** An object in several tables is deleted from its root, as the ORM does: the database deletes the other parts. */
async function deleteRows(rows: readonly FoundRow[], reader: RowReader): Promise<void> {
  const { root } = rows[0]!.meta;
  const keys = rows.map(({ row }) => conditionKey(keyValues(root, row)));
  const where = { [Utils.getPrimaryKeyHash(root.primaryKeys)]: { $in: keys } };
  await driverOf(reader.em).nativeDelete<Dictionary>(root.class, where, writeOptions(root, reader));
}

function writeOptions(table: EntityMetadata, reader: RowReader) {
  return { ctx: reader.ctx, schema: reader.schemaOf(table) };
}

function driverOf(em: EntityManager): AbstractSqlDriver {
  return em.getDriver() as unknown as AbstractSqlDriver;
}
