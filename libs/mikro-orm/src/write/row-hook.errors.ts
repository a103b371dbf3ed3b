import { RevyError } from '../revy.errors.js';

/** A hook of the application that fills the history has failed, so that nothing was written. */
export class RowHookError extends RevyError {
  readonly code = 'REVY_ROW_HOOK';

  constructor(
    /** The option that holds the hook. */
    readonly hook: 'onRevision' | 'onObjectDelta',
    cause: unknown,
  ) {
    super(
      `Cannot record this transaction, so its changes are rolled back with it: the option "${hook}" threw ` +
        `(${cause instanceof Error ? cause.message : String(cause)}). What it threw is the cause of this error. ` +
        `The entity manager believes that it has flushed: go on with a fresh fork.`,
      { cause },
    );
  }
}
