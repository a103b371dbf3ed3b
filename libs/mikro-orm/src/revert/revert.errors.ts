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

/** Revisions that are to be reverted at once changed objects in the schemas of several tenants. */
export class SeveralSchemasError extends RevyError {
  readonly code = 'REVY_SEVERAL_SCHEMAS';

  constructor(
    /** The ids of the revisions that were to be reverted. */
    readonly revisions: readonly number[],
    /** `undefined` for the default one. */
    readonly schemas: readonly (string | undefined)[],
  ) {
    const names = schemas.map(schema => (schema === undefined ? 'the default one' : `"${schema}"`)).join(', ');
    super(
      `Cannot revert ${revisions.length === 1 ? 'revision' : 'revisions'} ${revisions.join(', ')} as a whole: objects in ` +
        `several schemas were changed (${names}), and a revert works in one. Revert object by object, with ` +
        'toVersion() or undelete() and an entity manager of each schema.',
    );
  }
}

/** There is nothing to put back: no deletion, no change to undo, none to redo, or no revision that a filter finds. */
export class NothingToRevertError extends RevyError {
  readonly code = 'REVY_NOTHING_TO_REVERT';

  /** @param what what was to be done; nothing else is given where a filter found no revision */
  constructor(
    what: string,
    /** `null` where revisions were looked for. */
    readonly className: string | null = null,
    /** The key of the object as text; `null` where revisions were to be reverted. */
    readonly objectId: string | null = null,
  ) {
    super(
      className === null
        ? `Cannot ${what}: the filter finds no revision. HistoryService.revisions lists what it finds.`
        : `Cannot ${what} ${className} ${objectId}: its history has nothing to ${what}. Its deltas, which ` +
            'HistoryService.deltas lists, say what happened to it.',
    );
  }
}
