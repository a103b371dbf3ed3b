import { inspect } from 'node:util';
import { RevyError } from '../revy.errors.js';

/** A context was to be restored from something that is none. */
export class UnusableCapturedContextError extends RevyError {
  readonly code = 'REVY_UNUSABLE_CAPTURED_CONTEXT';

  constructor(
    /** What was given in place of a captured context. */
    readonly value: unknown,
  ) {
    super(
      `Cannot restore a revision context from ${inspect(value, { depth: 1 })}: this is not what captureContext() gives. ` +
        'Store that value with the job as it is, and hand it on; ' +
        'a job that was stored without one runs in RevisionContext.run().',
    );
  }
}
