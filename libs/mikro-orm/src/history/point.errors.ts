import { inspect } from 'node:util';
import { RevyError } from '../revy.errors.js';

/** A point names a revision that was never made. */
export class UnknownRevisionError extends RevyError {
  readonly code = 'REVY_UNKNOWN_REVISION';

  constructor(
    /** The id asked for. */
    readonly revision: unknown,
  ) {
    super(
      `Cannot find revision ${inspect(revision)}: there is none with this id. ` +
        `Look one up with history.revisions(), or use a Date.`,
    );
  }
}

/** An object has no version of the number asked for. */
export class UnknownVersionError extends RevyError {
  readonly code = 'REVY_UNKNOWN_VERSION';

  constructor(
    /** The class concerned. */
    readonly entityName: string,
    /** The key of the object as text. */
    readonly objectId: string,
    /** The version asked for. */
    readonly version: unknown,
    latest: number,
  ) {
    super(
      `Cannot find version ${inspect(version)} of ${entityName} ${objectId}: ` +
        (latest ? `it has the versions 1 to ${latest}.` : 'it has no recorded version.'),
    );
  }
}

/** A point lies before the first thing that was recorded of an object that is older than its history. */
export class PointBeforeHistoryError extends RevyError {
  readonly code = 'REVY_POINT_BEFORE_HISTORY';

  constructor(
    /** The class concerned. */
    readonly entityName: string,
    /** The key of the object as text. */
    readonly objectId: string,
    /** When its first change was recorded. */
    readonly since: Date,
  ) {
    super(
      `Cannot tell what ${entityName} ${objectId} was then: it is older than its history, ` +
        `and tracking began at ${since.toISOString()}. Ask for a later point.`,
    );
  }
}

/** A point is none of the forms that a point can have. */
export class UnusablePointError extends RevyError {
  readonly code = 'REVY_UNUSABLE_POINT';

  constructor(
    /** What was given as a point. */
    readonly point: unknown,
  ) {
    super(
      `Cannot read history at ${inspect(point)}: it is not a point in it. Use a Date, a Revision, ` +
        `{ revision: id }, { before: id }, { after: id }, or { version: n } from 1.`,
    );
  }
}
