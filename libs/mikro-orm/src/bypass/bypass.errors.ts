import { RevyError } from '../revy.errors.js';

/** A write would go past the history: the option `bypass` refuses it, or nobody could tell what it changed. */
export class UnsafeBypassError extends RevyError {
  readonly code = 'REVY_UNSAFE_BYPASS';

  constructor(
    /** What was about to be run, such as `em.nativeUpdate()`. */
    readonly write: string,
    /** The entity, or the table of the history. */
    readonly target: string,
    why: string,
    next: string,
  ) {
    super(`Cannot run ${write} on ${target}: ${why}. ${next}`);
  }
}
