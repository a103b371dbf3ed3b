import { RevyError } from '../revy.errors.js';

/** An object was inserted under a key that the ORM does not know, so that its history could not be found again. */
export class UnknownKeyError extends RevyError {
  readonly code = 'REVY_UNKNOWN_KEY';

  constructor(
    /** The class concerned. */
    readonly entityName: string,
  ) {
    super(
      `Cannot record the creation of ${entityName}: the ORM does not know the key of the row that it inserted, so nobody ` +
        'could find its history. MikroORM 7.2 loses keys where one flush inserts objects of a class with a key and ' +
        'others without: give all of them a key, or flush them apart.',
    );
  }
}
