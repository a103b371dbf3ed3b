import { AsyncLocalStorage } from 'node:async_hooks';
import type { UnitOfWork } from '@mikro-orm/core';
import { MissedRows } from './missed-rows.js';

/** One flush, from before its first hook to after its last one. */
export interface RunningFlush {
  readonly uow: UnitOfWork;
  /** What the database said of rows that were to be updated or deleted, and were not all there. */
  readonly missed: MissedRows;
  isOver: boolean;
}

// Shared by all copies of this package, like the accessors that ask it.
const storageKey = Symbol.for('revy.flushes');

const registry = globalThis as { [storageKey]?: AsyncLocalStorage<RunningFlush> };

const storage = (registry[storageKey] ??= new AsyncLocalStorage<RunningFlush>());

/**
 * Runs a flush. Assignments that it makes on its entities are the ORM's own and must not be stamped; those that other
 * code makes meanwhile are as good as ever.
 */
export function whileFlushing<Result>(uow: UnitOfWork, flush: () => Promise<Result>): Promise<Result> {
  const running: RunningFlush = { uow, missed: new MissedRows(), isOver: false };
  return storage.run(running, flush).finally(() => (running.isOver = true));
}

/** The flush that the code that is being run belongs to; the innermost one, if a hook has made another flush. */
export function runningFlush(): RunningFlush | undefined {
  const running = storage.getStore();
  return running?.isOver === false ? running : undefined;
}

/** What stands for the present flush of a unit of work; the unit itself, where nobody has said that it flushes. */
export function flushOf(uow: UnitOfWork): RunningFlush | UnitOfWork {
  const running = runningFlush();
  return running?.uow === uow ? running : uow;
}

/** Whether the code that is being run was started by a flush, even if that is over by now. */
export function isStartedByFlush(): boolean {
  return storage.getStore() !== undefined;
}
