import { inspect } from 'node:util';
import { RevyError } from '../revy.errors.js';

/** A filter of the history has a value that it cannot take. */
export class UnusableFilterError extends RevyError {
  readonly code = 'REVY_UNUSABLE_FILTER';

  constructor(
    /** The filter, by its path. */
    readonly filter: string,
    /** What was given for it. */
    readonly value: unknown,
    expected: string,
  ) {
    super(`Cannot search the history: the filter "${filter}" is ${inspect(value, { depth: 1 })}. Use ${expected}.`);
  }
}

/** History was searched for the value of an attribute whose values are not recorded. */
export class MaskedValueError extends RevyError {
  readonly code = 'REVY_MASKED_VALUE';

  constructor(
    /** The class concerned. */
    readonly entityName: string,
    /** The property concerned. */
    readonly attribute: string,
  ) {
    super(
      `Cannot search the history of ${entityName} by the value of "${attribute}": it is masked, so its values are ` +
        `not recorded. Ask whether it was changed, by whom, or from or to null.`,
    );
  }
}

/** A page was asked for behind a place that no page of this kind gave. */
export class UnusableCursorError extends RevyError {
  readonly code = 'REVY_UNUSABLE_CURSOR';

  constructor(
    /** What was given as a cursor. */
    readonly cursor: unknown,
    found: string,
  ) {
    super(
      `Cannot go on behind ${inspect(cursor)}: it is no place in a list of ${found}. ` +
        `Pass the "next" of the page before, or leave "after" out to begin.`,
    );
  }
}

/** Objects of two classes were to be compared. */
export class DifferentClassesError extends RevyError {
  readonly code = 'REVY_DIFFERENT_CLASSES';

  constructor(
    /** The class of the first object. */
    readonly entityName: string,
    /** The class of the second one. */
    readonly otherName: string,
  ) {
    super(
      `Cannot compare ${entityName} with ${otherName}: they are not of one class, so that their attributes have ` +
        `nothing to do with each other. Ask for both by one class, which they may inherit from.`,
    );
  }
}
