import type { EntityManager } from '@mikro-orm/core';
import { clientOf, execute, type Statement, withConnection } from '../database/statement.js';
import { runtimeOf } from '../runtime.js';

/**
 * Runs one SELECT on the history with bound parameters, in the transaction around `em` if there is one; what that
 * transaction has not recorded yet is written first.
 */
export async function query<Row>(em: EntityManager, select: Statement, parameters: readonly unknown[]): Promise<Row[]> {
  await runtimeOf(em).writePending(em);
  const result = await withConnection(await clientOf(em), connection => execute(connection, select, parameters));
  return result.rows as Row[];
}
