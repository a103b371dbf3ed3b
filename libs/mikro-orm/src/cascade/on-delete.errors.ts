import { inspect } from 'node:util';
import { RevyError } from '../revy.errors.js';

/** A relation has a handler, and the database has another rule for it. */
export class DeleteRuleConflictError extends RevyError {
  readonly code = 'REVY_DELETE_RULE_CONFLICT';

  constructor(
    /** The class concerned. */
    readonly entityName: string,
    /** The property concerned. */
    readonly attribute: string,
    /** The relation's `deleteRule`. */
    readonly rule: string,
    /** The handler that is on the relation as well. */
    readonly handler: string,
  ) {
    super(
      `Cannot handle deletions on ${entityName}.${attribute}: the database has the rule "${rule}" for it, ` +
        `and the handler says "${handler}". Give the relation deleteRule: 'no action' ` +
        `(nullable relations have 'set null' by default), or remove the handler.`,
    );
  }
}

/** A handler stands on a property that it cannot serve. */
export class UnusableDeleteHandlerError extends RevyError {
  readonly code = 'REVY_UNUSABLE_DELETE_HANDLER';

  constructor(
    /** The class concerned. */
    readonly entityName: string,
    /** The property concerned. */
    readonly attribute: string,
    /** Why the property cannot have a handler. */
    readonly reason: string,
  ) {
    super(
      `Cannot handle deletions on ${entityName}.${attribute}: it is ${reason}. ` +
        `Put the handler on the to-one relation whose table holds the foreign key.`,
    );
  }
}

/** What a `SET` handler gave stands for no row. */
export class UnusableSetValueError extends RevyError {
  readonly code = 'REVY_UNUSABLE_SET_VALUE';

  constructor(
    /** The class concerned. */
    readonly entityName: string,
    /** The property concerned. */
    readonly attribute: string,
    /** What the handler gave. */
    readonly value: unknown,
  ) {
    super(
      `Cannot set ${entityName}.${attribute} to ${inspect(value, { depth: 0 })}, as its handler says: ` +
        `that is no key, and no entity that has one. Return an entity that is in the database, its key, or null.`,
    );
  }
}
