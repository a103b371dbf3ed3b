import type { EntityManager } from '@mikro-orm/core';
import { clientOf, execute, type Statement, withConnection } from '../database/statement.js';
import { runtimeOf } from '../runtime.js';

/**
 * Runs one SELECT on the history with bound parameters, in the transaction around `em` if there is one; what that
 * transaction has not recorded yet is written first.
 */
export function query<Row>(em: EntityManager, select: Statement, parameters: readonly unknown[]): Promise<Row[]> {
  return run(em, 'read', select, parameters);
}

/**
 * The same on the primary, for what is read to tell the past of present rows: after them, so that a change which came
 * in between is found in the history, of which a replica might not have heard yet.
 */
export function queryPrimary<Row>(
  em: EntityManager,
  select: Statement,
  parameters: readonly unknown[],
): Promise<Row[]> {
  return run(em, 'write', select, parameters);
}

async function run<Row>(
  em: EntityManager,
  connectionType: 'read' | 'write',
  select: Statement,
  parameters: readonly unknown[],
): Promise<Row[]> {
  await runtimeOf(em).writePending(em);
  const client = await clientOf(em, connectionType);
  const result = await withConnection(client, connection => execute(connection, select, parameters));
  return result.rows as Row[];
}
