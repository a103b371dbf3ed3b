import { type EntityManager, type EntityName, Utils } from '@mikro-orm/core';
import { RevyOptionError, UntrackedEntityError } from '../revy.errors.js';
import { runtimeOf } from '../runtime.js';
import { refuseOutsideContext, refuseUnexplained } from '../tracking/required-context.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { BaselineRecorder } from './baseline-recorder.js';

/** Options of `revy.baseline`. */
export interface BaselineOptions {
  /**
   * How many rows are recorded by one transaction, from 1 to 100,000: they cannot be changed meanwhile.
   *
   * @defaultValue `5000`
   */
  readonly chunkRows?: number;
  /** Called after each transaction; what it returns is waited for, and what it throws ends the run. */
  readonly onProgress?: (progress: BaselineProgress) => void | Promise<void>;
}

/** How far a run of `revy.baseline` has come. */
export interface BaselineProgress {
  /** Rows recorded so far, because they had no history. */
  readonly recorded: number;
}

/** What a run of `revy.baseline` did. */
export interface BaselineResult extends BaselineProgress {
  /** Ids of the revisions that it made, one for each transaction that had something to record. */
  readonly revisions: readonly number[];
}

const MOST_ROWS = 100_000;

/**
 * Records what the rows of a class are as the beginning of their history, so that every object is complete in it:
 * `await revy.baseline(em, Post)`. Not needed for snapshots to be right, but for what later happens unseen.
 *
 * A baseline is a delta of the action `update` that changes nothing and holds the full state. It does not say that the
 * object was created then: snapshots before it are read backwards as if it were not there. Rows of objects that have a
 * history are skipped, so that a run that was broken off goes on where it was. Actor, descriptions and metadata are
 * those of the {@link RevisionContext}; the description is `'baseline'` without one. Classes that inherit from the class
 * in the database are included; links of collections are not recorded.
 *
 * Two statements and a transaction for each chunk, or savepoints of the transaction around `em`; one more SELECT where
 * the state of the class can only be made in JavaScript. Rows that somebody is writing are waited for one by one.
 *
 * @throws {UntrackedEntityError} if the class is not tracked
 * @throws {OutsideContextError} if the option `outsideContext` is `'throw'` and there is no context
 * @throws {ContextRequiredError} if the option `require` asks for more than the context says
 * @throws {RevyOptionError} if `chunkRows` is out of range
 */
export async function baseline<T extends object>(
  em: EntityManager,
  entity: EntityName<T>,
  options: BaselineOptions = {},
): Promise<BaselineResult> {
  const { chunkRows = 5000, onProgress } = options;
  if (!Number.isInteger(chunkRows) || chunkRows < 1 || chunkRows > MOST_ROWS) {
    throw new RevyOptionError('chunkRows', chunkRows, `a whole number from 1 to ${MOST_ROWS}`);
  }
  const own = em.getContext(false);
  const classes = classesOf(own, entity);
  await runtimeOf(own).writePending(own);
  const done = { recorded: 0, revisions: [] as number[] };
  for (const tracked of classes) {
    for await (const chunk of new BaselineRecorder(own, tracked).chunks(chunkRows)) {
      done.recorded += chunk.recorded;
      if (chunk.revision !== null) done.revisions.push(chunk.revision);
      await onProgress?.({ recorded: done.recorded });
    }
  }
  return done;
}

function classesOf<T extends object>(em: EntityManager, entity: EntityName<T>): TrackedEntity[] {
  const { entities } = runtimeOf(em);
  const meta = em.getMetadata().find(entity);
  const tracked = meta && entities.tracked(meta.class);
  if (!tracked) throw new UntrackedEntityError(Utils.className(entity));
  refuseOutsideContext(entities.options, meta.className);
  refuseUnexplained(entities.options, meta.className);
  return entities.hierarchyOf(tracked).filter(one => one.isTracked && !one.meta.abstract);
}
