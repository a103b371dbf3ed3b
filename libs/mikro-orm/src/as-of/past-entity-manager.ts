import { type EntityManager, type ForkOptions, TransactionContext, type UnitOfWork } from '@mikro-orm/core';
import { isPast } from '../database/live-context.js';
import { AsOfWriteError } from './as-of.errors.js';
import { pastConnection } from './past-connection.js';

type EntityManagerClass = abstract new (...args: never[]) => EntityManager;

/** Entity managers of `snapshots.asOf()` by the class of the one that it was asked of, which may be one of them. */
const classes = new WeakMap<object, EntityManagerClass>();

/**
 * An entity manager like this one that reads with another driver, in another transaction, and writes nothing.
 *
 * Its parts keep the driver of their beginning, so that it is made as the fork of one that has the driver already.
 */
export function pastEntityManager<E extends EntityManager>(em: E, driver: object, ctx: object): E {
  const like = em.fork({ clear: true, flushMode: 'commit' });
  const base = like.constructor as EntityManagerClass;
  const pastClass = classes.get(base) ?? classOf(base);
  classes.set(base, pastClass).set(pastClass, pastClass);
  Object.setPrototypeOf(like, pastClass.prototype as object);
  Object.assign(like, { driver });
  like.setTransactionContext(ctx);
  return like.fork({ clear: true, keepTransactionContext: true }) as E;
}

function classOf(base: EntityManagerClass): EntityManagerClass {
  abstract class PastEntityManager extends (base as abstract new (...args: never[]) => EntityManager) {
    /** A fork that the global entity manager makes while this one stands for it reads the same point. */
    constructor(...args: never[]) {
      super(...args);
      const current = TransactionContext.getEntityManager(this.name)?.getTransactionContext() as object | undefined;
      if (isPast(current)) this.setTransactionContext(current);
      readOnly(this.getUnitOfWork(false));
    }

    /** A fork reads the same point, with an identity map of its own. */
    override fork(options: ForkOptions = {}): this {
      return super.fork({ ...options, keepTransactionContext: true }) as this;
    }

    override async commit(): Promise<void> {
      throw new AsOfWriteError('em.commit()');
    }

    override async rollback(): Promise<void> {
      throw new AsOfWriteError('em.rollback()');
    }

    override getConnection(type?: 'read' | 'write'): never {
      return pastConnection(this.getDriver().getConnection(type), this.getTransactionContext() as object) as never;
    }

    /** What was cached was read at another time. */
    override async tryCache(): Promise<undefined> {
      return undefined;
    }

    override async storeCache(): Promise<void> {}
  }
  Object.defineProperty(PastEntityManager, 'name', { value: base.name });
  return PastEntityManager;
}

/** Nothing is written, and what is only read needs no flush. The ORM asks here, whoever is asked to flush. */
function readOnly(uow: UnitOfWork): void {
  const commit = async () => {
    uow.computeChangeSets();
    const changed = uow.getChangeSets().length + uow.getCollectionUpdates().length + uow.getExtraUpdates().size;
    if (changed > 0) throw new AsOfWriteError('em.flush()');
  };
  Object.defineProperty(uow, 'commit', { value: commit, writable: true });
}
