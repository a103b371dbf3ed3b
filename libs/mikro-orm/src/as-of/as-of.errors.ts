import { inspect } from 'node:util';
import { RevyError } from '../revy.errors.js';

/** A write was tried in `snapshots.asOf()`, where everything is read at a point in the past. */
export class AsOfWriteError extends RevyError {
  readonly code = 'REVY_AS_OF_WRITE';

  constructor(
    /** What was about to be run, such as `INSERT` or `em.flush()`. */
    readonly write: string,
  ) {
    super(
      `Cannot run ${write} in snapshots.asOf(): what is read there is the past, and that cannot be written. ` +
        `Return what you need from the callback, and write with another entity manager after it.`,
    );
  }
}

/** `snapshots.asOf()` was given a date before the first revision: what there is may be older. */
export class AsOfBeforeHistoryError extends RevyError {
  readonly code = 'REVY_AS_OF_BEFORE_HISTORY';

  constructor(
    /** When tracking began. */
    readonly since: Date,
  ) {
    super(
      `Cannot tell what there was then: tracking began at ${since.toISOString()}, ` +
        `and what is older than that may have been anything before. Ask for a later point.`,
    );
  }
}

/** An entity manager of `snapshots.asOf()` was used when its callback had ended. */
export class AsOfEndedError extends RevyError {
  readonly code = 'REVY_AS_OF_ENDED';

  constructor() {
    super(
      'Cannot read with this entity manager: it belongs to a call of snapshots.asOf() that has ended. ' +
        'Await everything in the callback, and load there what you need after it.',
    );
  }
}

/** `snapshots.asOf()` was given the version of an object as its point. */
export class AsOfVersionError extends RevyError {
  readonly code = 'REVY_AS_OF_VERSION';

  constructor(
    /** What was given as the point. */
    readonly point: unknown,
  ) {
    super(
      `Cannot read everything as of ${inspect(point)}: a version belongs to one object. ` +
        `Use the revision that made it, or snapshots.at() for that object.`,
    );
  }
}

/** A table that is not tracked was read in `snapshots.asOf()` with `untracked: 'throw'`. */
export class AsOfUntrackedError extends RevyError {
  readonly code = 'REVY_AS_OF_UNTRACKED';

  constructor(
    /** The class concerned. */
    readonly entityName: string,
    /** The table that was to be read. */
    readonly table: string,
  ) {
    super(
      `Cannot read ${entityName} (table "${table}") in snapshots.asOf(): it is not tracked, so nobody knows its past. ` +
        `Track it, or read it as it is now with the option untracked: 'live'.`,
    );
  }
}

/** A table that several schemas have was read in `snapshots.asOf()`. */
export class AsOfSchemaError extends RevyError {
  readonly code = 'REVY_AS_OF_SCHEMA';

  constructor(
    /** The class concerned. */
    readonly entityName: string,
    /** The table that was to be read. */
    readonly table: string,
  ) {
    super(
      `Cannot read ${entityName} (table "${table}") in snapshots.asOf(): it is in several schemas, ` +
        `and the history does not tell them apart. Use snapshots.at() for single objects.`,
    );
  }
}

/** Nobody could tell what a statement reads, so that it might have read the present. */
export class AsOfStatementError extends RevyError {
  readonly code = 'REVY_AS_OF_STATEMENT';

  constructor(
    /** The SQL that was to run. */
    readonly statement: string,
    reason: 'unknown' | 'several',
  ) {
    super(
      reason === 'several'
        ? `Cannot run several statements at once in snapshots.asOf(): ${statement}. Run them one by one.`
        : `Cannot run ${statement} in snapshots.asOf(): what it reads would be the present. ` +
            `Read with a SELECT in the callback, or run it outside of it.`,
    );
  }
}
