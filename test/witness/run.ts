import {
  ForeignKeyConstraintViolationException,
  NotNullConstraintViolationException,
  OptimisticLockError,
  UniqueConstraintViolationException,
} from '@mikro-orm/core';
import type { EntityManager, MikroORM } from '@mikro-orm/postgresql';
import { UnknownKeyError } from '@revy/mikro-orm';
import { inFrame } from './frames.js';
import type { Block, Script, Step, TransactionScript } from './script.js';
import { load, perform } from './steps.js';

/** How a transaction ended, where it did not end as its script says. */
export interface Failure {
  readonly transaction: number;
  readonly error: Error;
}

const GIVEN_UP = new Error('given up');

/** Does what a script says. What fails is given up, as an application does: it goes on with a new entity manager. */
export async function run(orm: MikroORM, { transactions }: Script): Promise<Failure[]> {
  const failures: Failure[] = [];
  let em = orm.em.fork();
  for (const [index, transaction] of transactions.entries()) {
    if (transaction.manager === 'fork') em = orm.em.fork();
    if (transaction.manager === 'cleared') em.clear();
    try {
      await inFrame(transaction.actor, index, em, () => runTransaction(em, transaction, index));
    } catch (error) {
      em = orm.em.fork();
      if (error !== GIVEN_UP) failures.push({ transaction: index, error: error as Error });
    }
  }
  return failures;
}

async function runTransaction(
  em: EntityManager,
  { mode, loads, steps }: TransactionScript,
  index: number,
): Promise<void> {
  for (const one of loads) await load(em, one);
  if (mode === 'flush') {
    await runSteps(em, steps, index);
    return em.flush();
  }
  if (mode.startsWith('transactional')) {
    return em.transactional(async inner => {
      await runSteps(inner, steps, index);
      if (mode === 'transactional given up') throw GIVEN_UP;
    });
  }
  await em.begin();
  try {
    await runSteps(em, steps, index);
    if (mode === 'begin rolled back') throw GIVEN_UP;
    await em.commit();
  } catch (error) {
    await em.rollback();
    throw error;
  }
}

async function runSteps(em: EntityManager, steps: readonly (Step | Block)[], index: number): Promise<void> {
  for (const step of steps) {
    if ('steps' in step) await runBlock(em, step, index);
    else await perform(step.kind, { em, ...step });
  }
}

async function runBlock(em: EntityManager, { kind, actor, steps }: Block, index: number): Promise<void> {
  if (kind === 'frame') return inFrame(actor, index, em, () => runSteps(em, steps, index));
  const nested = em.transactional(async inner => {
    await runSteps(inner, steps, index);
    if (kind === 'given up') throw GIVEN_UP;
  });
  await nested.catch((error: unknown) => {
    if (error === GIVEN_UP) return;
    // an error of the database leaves nothing but to roll back, here to the savepoint
    if (kind !== 'attempt' || !isExpected(error)) throw error;
  });
}

/** What random work runs into by its nature: rows that are in the way, missing, or changed by then. */
export function isExpected(error: unknown): boolean {
  const expected = [
    UniqueConstraintViolationException,
    ForeignKeyConstraintViolationException,
    OptimisticLockError,
    // MikroORM 7.2, without Revy as well, unlinks what referred to an entity that a nested transaction has deleted, though
    // a savepoint takes the deletion back (utils/TransactionManager.js, registerDeletionHandler)
    NotNullConstraintViolationException,
    // MikroORM 7.2 inserts an object under a key that it does not find out
    UnknownKeyError,
  ];
  return expected.some(one => error instanceof one);
}
