import type { UnitOfWork } from '@mikro-orm/core';
import type { Frame } from '../context/frame.js';
import { currentFrame, runStored } from '../context/frame-store.js';
import { isStartedByFlush, whileFlushing } from './running-flush.js';

/** The two steps of a flush in MikroORM 7.2 (unit-of-work/UnitOfWork.js:428). The second one is private there. */
interface Flushing {
  commit(): Promise<void>;
  doCommit(): Promise<void>;
}

const kept = new WeakSet<UnitOfWork>();

/**
 * Lets each flush of a unit of work run in the frame that it was started in. MikroORM queues one that is started while
 * another one runs, and then runs it where the first was started. Nothing else changes: what is queued, in which order
 * it runs and what is refused stays MikroORM's decision. Idempotent.
 *
 * @param onFailure called with the error of a flush that failed, before MikroORM cleans up
 */
export function keepFrames(uow: UnitOfWork, onFailure: (error: unknown) => Promise<void>): void {
  if (kept.has(uow)) return;
  kept.add(uow);
  const flushing = uow as unknown as Flushing;
  const commit = flushing.commit.bind(uow);
  const doCommit = flushing.doCommit.bind(uow);
  const queued: (Frame | undefined)[] = [];
  const fail = async (error: unknown) => {
    await onFailure(error);
    throw error;
  };
  let isStarting = false;
  flushing.commit = () => {
    isStarting = true;
    const done = commit();
    // neither begun right away nor refused, as a flush inside a flush is
    if (isStarting && !isStartedByFlush()) queued.push(currentFrame());
    isStarting = false;
    return done;
  };
  flushing.doCommit = () => {
    const isQueued = !isStarting;
    isStarting = false;
    const flush = () => whileFlushing(uow, () => doCommit().catch(fail));
    return isQueued ? runStored(queued.shift(), flush) : flush();
  };
}
