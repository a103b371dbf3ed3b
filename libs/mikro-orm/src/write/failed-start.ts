import type { EntityManager, Transaction } from '@mikro-orm/core';

/**
 * Work of a hook that is called when a transaction has begun. MikroORM 7.2 forgets a transaction whose hook has failed:
 * it would stay open, and its connection would never come back (sql/AbstractSqlConnection.js:154).
 */
export async function orRollBack(em: EntityManager, transaction: Transaction, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    await rollBack(em, transaction);
    throw error;
  }
}

/** A connection that is gone must not hide why the transaction failed in the first place. */
async function rollBack(em: EntityManager, transaction: Transaction): Promise<void> {
  try {
    await em.getConnection('write').rollback(transaction);
  } catch (error) {
    em.config.getLogger().warn('query', `Failed to roll back transaction: ${(error as Error).message}`);
  }
}
