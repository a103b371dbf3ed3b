import { RevyError } from '../revy.errors.js';
import type { RevertPlan } from './revert-plan.js';

/** A revert would destroy newer work, or cannot be carried out whole; nothing was changed. */
export class RevertConflictError extends RevyError {
  readonly code = 'REVY_REVERT_CONFLICT';

  constructor(
    /** Every value that was, is, and would be, with what stands in the way. */
    readonly plan: RevertPlan,
  ) {
    const [first, ...others] = plan.conflicts;
    const more = others.length === 0 ? '' : ` and ${others.length} more`;
    const place = [`${first!.objectType} ${first!.objectId}`, first!.attribute].filter(part => part !== null).join('.');
    super(
      `Cannot revert: ${place}: ${first!.message}${more}. Nothing was changed. Look at the plan of this error, and say ` +
        `with onConflict what to do: 'keep' the present values, 'overwrite' them, or a function for each conflict.`,
    );
  }
}

/** There is nothing to put back: no deletion, no change to undo, or none to redo. */
export class NothingToRevertError extends RevyError {
  readonly code = 'REVY_NOTHING_TO_REVERT';

  constructor(
    readonly className: string,
    readonly objectId: string,
    what: string,
  ) {
    super(
      `Cannot ${what} ${className} ${objectId}: its history has nothing to ${what}. Its deltas, which ` +
        'HistoryService.deltas lists, say what happened to it.',
    );
  }
}
