import { RevyError } from '../revy.errors.js';

/** A class asks for triggers whose rows only JavaScript can turn into what the history stores. */
export class UntriggerableError extends RevyError {
  readonly code = 'REVY_UNTRIGGERABLE';

  constructor(
    /** The class concerned. */
    readonly entityName: string,
    why: string,
    next: string,
  ) {
    super(`Cannot record ${entityName} by triggers: ${why}. ${next}, or leave out triggers: true.`);
  }
}
