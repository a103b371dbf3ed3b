import type { EntityManager } from '@mikro-orm/core';
import { RevisionContext } from '../context/revision-context.js';
import { Revision } from '../model/revision.entity.js';
import { OutsideContextError } from '../revy.errors.js';
import { runtimeOf } from '../runtime.js';
import { carryOut } from './carry-out.js';
import { finishedPlan } from './finished-plan.js';
import { prepare } from './planner.js';
import type { OnConflict } from './resolve.js';
import { RevertConflictError } from './revert.errors.js';
import type { RevertPlan } from './revert-plan.js';
import type { Selection } from './selection.js';

/** How a revert goes about what stands in its way. */
export interface RevertOptions {
  /**
   * What to do where a later change, or another row, is in the way: `'fail'` with the plan and change nothing, `'keep'`
   * what is there and revert the rest, `'overwrite'` it where that is possible, or a function that says so for each.
   *
   * @defaultValue `'fail'`
   */
  readonly onConflict?: OnConflict;
  /**
   * Returns the plan and changes nothing; conflicts are in the plan and do not throw.
   *
   * @defaultValue `false`
   */
  readonly dryRun?: boolean;
}

/** What was asked for; the revision's metadata says it under `revert`. */
export type RevertKind = 'revision' | 'version' | 'attribute' | 'undelete' | 'undo' | 'redo';

/** Plans what undoing a selection would do; unless it is a dry run, does it in a transaction, or a savepoint in one. */
export async function revert(
  em: EntityManager,
  kind: RevertKind,
  selection: Selection,
  options: RevertOptions,
): Promise<RevertPlan> {
  const { onConflict = 'fail', dryRun = false } = options;
  if (dryRun) return finishedPlan(await prepare(em, selection, onConflict, false), undefined);
  refuseOutsideContext(em);
  const isJoined = em.isInTransaction();
  const recorded = new Revision();
  return RevisionContext.run({ revision: recorded }, () =>
    em.transactional(
      async tx => {
        const prepared = await prepare(tx, selection, onConflict, true);
        const plan = finishedPlan(prepared, recorded);
        if (prepared.isStopped) throw new RevertConflictError(plan);
        if (plan.isEmpty) return plan;
        nameReverted(recorded, kind, prepared.reverts);
        await carryOut(tx, prepared.drafts);
        // a transaction that goes on is recorded under the frame that is open at its end
        if (isJoined) await runtimeOf(em).writePending(tx);
        return plan;
      },
      { clear: true },
    ),
  );
}

/** The newest goes into the column; of several, all go into the metadata. */
function nameReverted(recorded: Revision, kind: RevertKind, reverts: readonly number[]): void {
  recorded.reverts = reverts.at(-1) ?? null;
  recorded.metadata = reverts.length > 1 ? { revert: kind, reverts: [...reverts] } : { revert: kind };
  if (RevisionContext.get('revisionDescription') === undefined) {
    recorded.description = `Reverts ${reverts.length === 1 ? 'revision' : 'revisions'} ${reverts.join(', ')}`;
  }
}

/** A revert opens a frame of its own, which must not stand for the one that the option asks for. */
function refuseOutsideContext(em: EntityManager): void {
  const { outsideContext } = runtimeOf(em).entities.options;
  if (outsideContext === 'throw' && !RevisionContext.isActive) throw new OutsideContextError('a revert');
}
