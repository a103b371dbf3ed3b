import { RevyError } from '../revy.errors.js';

/** A name that an attribute had before its renaming stands for another attribute too. */
export class FormerNameError extends RevyError {
  readonly code = 'REVY_FORMER_NAME';

  constructor(
    readonly entityName: string,
    readonly attribute: string,
    readonly formerly: string,
    other: string,
  ) {
    super(
      `Cannot read "${attribute}" of ${entityName} under its former name "${formerly}": ` +
        (other === formerly
          ? `that is an attribute of its own now, and nothing in the history tells the two apart. `
          : `"${other}" names it as well, and nothing in the history tells the two apart. `) +
        `Give one of them another name.`,
    );
  }
}
