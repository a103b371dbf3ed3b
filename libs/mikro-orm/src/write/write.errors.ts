import { RevyError } from '../revy.errors.js';

/** A transaction was to be committed in which a flush or a native write had failed half way. */
export class InterruptedWriteError extends RevyError {
  readonly code = 'REVY_INTERRUPTED_WRITE';

  constructor(cause: unknown) {
    super(
      `Cannot commit this transaction: a write in it failed half way ` +
        `(${cause instanceof Error ? cause.message : String(cause)}), and the history cannot tell what it had done by then. ` +
        `Roll the transaction back. To go on after such a failure, make the write in an em.transactional() of its own ` +
        `inside the transaction, whose savepoint takes it back.`,
      { cause },
    );
  }
}

/** A mask of the application's own did not say what to store, so that nothing of the transaction is kept. */
export class MaskFunctionError extends RevyError {
  readonly code = 'REVY_MASK_FUNCTION';

  constructor(
    /** The property concerned. */
    readonly attribute: string,
    what: string,
    cause?: unknown,
  ) {
    super(
      `Cannot record a value of ${attribute}: its mask failed, ${what}. Nothing was committed. ` +
        'Let the function return the text to store, for every value that is not null.',
      { cause },
    );
  }
}
