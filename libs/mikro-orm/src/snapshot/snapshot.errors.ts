import { RevyError } from '../revy.errors.js';

/** A relation was named that the entity does not have. */
export class UnknownRelationError extends RevyError {
  readonly code = 'REVY_UNKNOWN_RELATION';

  constructor(
    /** The class that was asked for the relation. */
    readonly className: string,
    /** The name that it does not have. */
    readonly relation: string,
    /** The relations that it has. */
    readonly known: readonly string[],
    what: 'populate' | 'revert along',
  ) {
    super(
      `Cannot ${what} "${relation}": ${className} has no such relation. ` +
        (known.length > 0 ? `It has ${known.map(name => `"${name}"`).join(', ')}.` : 'It has none.'),
    );
  }
}

/** A relation whose past the history cannot tell. */
export class UnreadableRelationError extends RevyError {
  readonly code = 'REVY_UNREADABLE_RELATION';

  constructor(
    /** The class concerned. */
    readonly entityName: string,
    /** The relation, by its property name. */
    readonly relation: string,
    reason: string,
    remedy: string,
  ) {
    super(`Cannot populate "${relation}" of ${entityName} at a point: ${reason}. ${remedy}`);
  }
}

/** A condition on past states that only a database could evaluate. */
export class UnsupportedConditionError extends RevyError {
  readonly code = 'REVY_UNSUPPORTED_CONDITION';

  constructor(
    /** The class concerned. */
    readonly entityName: string,
    /** The operator or the path that cannot be asked of the past. */
    readonly condition: string,
    reason: string,
  ) {
    super(
      `Cannot select ${entityName} as of a point by "${condition}": ${reason}. ` +
        `Use attributes that are recorded, with a value, a list of values, $eq, $ne, $in, $nin, $gt, $gte, $lt, $lte, ` +
        `$and, $or and $not, or pass the keys of the objects.`,
    );
  }
}
