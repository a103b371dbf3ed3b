import { type EntityManager, TransactionEventBroadcaster } from '@mikro-orm/core';
import type { AbstractSqlConnection } from '@mikro-orm/sql';
import type { TransactionContext } from './sql-driver.js';

/** Whether `em` would put a flush into a transaction of its own, as MikroORM 7.2 decides it (UnitOfWork.js:468). */
export function opensTransaction(em: EntityManager): boolean {
  return em.config.get('implicitTransactions') !== false && em.getPlatform().supportsTransactions();
}

/**
 * Runs one native call in a transaction with the ordinary events, so that it is recorded like a flush.
 *
 * The events name a fork: nothing of a flush that `em` may be busy with at the same time belongs to this transaction,
 * and parallel calls on one entity manager, each with a transaction of its own, do not see each other's.
 */
export async function inOwnTransaction<Result>(
  em: EntityManager,
  work: (ctx: TransactionContext) => Promise<Result>,
): Promise<Result> {
  const fork = em.fork({ disableContextResolution: true });
  const connection = em.getConnection('write') as AbstractSqlConnection;
  return connection.transactional(
    async ctx => {
      fork.setTransactionContext(ctx);
      return work(ctx);
    },
    {
      sessionContext: em.getTransactionSessionContext(),
      eventBroadcaster: new TransactionEventBroadcaster(fork, { topLevelTransaction: true }),
      loggerContext: em.getLoggerContext({ disableContextResolution: true }),
    },
  );
}
