import { inspect } from 'node:util';

/** Every failure that Revy raises on purpose. Catch it by class, or by its `code`. */
export abstract class RevyError extends Error {
  /** Tells this failure from all others, as in `'REVY_NO_TRANSACTION'`; messages may change, codes never do. */
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A key of the revision context was changed where no frame is open that could hold it. */
export class ContextOutsideFrameError extends RevyError {
  readonly code = 'REVY_CONTEXT_OUTSIDE_FRAME';

  constructor(
    /** The key of the context. */
    readonly key: string,
  ) {
    super(
      `Cannot change "${key}" of the revision context: no frame is open here, so nothing would hold the change. ` +
        `Wrap the code in RevisionContext.run({}, () => ...), or pass the value to RevisionContext.run itself.`,
    );
  }
}

/** A named system was made without a name. */
export class EmptyActorNameError extends RevyError {
  readonly code = 'REVY_EMPTY_ACTOR_NAME';

  constructor() {
    super(
      'Cannot make a SystemActor: its name is empty, so nobody could tell it from another system. ' +
        `Give it a name, as in new SystemActor('importer'), or use the actor null for the system as a whole.`,
    );
  }
}

/** `revy()` was given an option that it does not know, or a value that the option cannot take. */
export class RevyOptionError extends RevyError {
  readonly code = 'REVY_OPTION';

  constructor(
    /** The name of the option. */
    readonly option: string,
    /** What was given for it. */
    readonly value: unknown,
    expected: string,
  ) {
    super(`Cannot set up Revy: the option "${option}" is ${inspect(value)}. Use ${expected}.`);
  }
}

/** An entity manager, or a service made with it, belongs to an ORM without the extension. */
export class RevyNotInstalledError extends RevyError {
  readonly code = 'REVY_NOT_INSTALLED';

  constructor() {
    super(
      'Cannot reach the history: this entity manager belongs to an ORM that does not run Revy. ' +
        'Add revy() to "extensions" in its MikroORM configuration.',
    );
  }
}

/** Two tracked classes would be stored under one type name. */
export class DuplicateTypeError extends RevyError {
  readonly code = 'REVY_DUPLICATE_TYPE';

  constructor(
    /** The stored type name. */
    readonly type: string,
  ) {
    super(
      `Cannot track two entities as "${type}": their histories would mix. ` +
        `Give one of them another stored type: @Tracked({ as: '...' }), or revy: { as: '...' } in defineEntity.`,
    );
  }
}

/** A property was named that the entity does not have. */
export class UnknownAttributeError extends RevyError {
  readonly code = 'REVY_UNKNOWN_ATTRIBUTE';

  constructor(
    /** The class concerned. */
    readonly entityName: string,
    /** The property concerned. */
    readonly attribute: string,
    known: readonly string[],
  ) {
    super(`Cannot find "${attribute}" on ${entityName}: it has no such attribute. It has: ${known.join(', ')}.`);
  }
}

/** History was asked of a class that is not recorded. */
export class UntrackedEntityError extends RevyError {
  readonly code = 'REVY_UNTRACKED_ENTITY';

  constructor(
    /** The class concerned. */
    readonly entityName: string,
  ) {
    super(
      `Cannot read the history of ${entityName}: its changes are not tracked. ` +
        `Add @Tracked() to the class, or remove what leaves it out (@Untracked(), or track: 'marked').`,
    );
  }
}

/** Tracked rows would be changed where no transaction could hold the history with them. */
export class NoTransactionError extends RevyError {
  readonly code = 'REVY_NO_TRANSACTION';

  constructor(
    /** The class concerned. */
    readonly entityName: string,
  ) {
    super(
      `Cannot write ${entityName}: no transaction of MikroORM would hold the change and its history together. ` +
        `Wrap it in em.transactional(), or leave "implicitTransactions" on; ` +
        `work that need not be recorded goes into RevisionContext.runDisabled().`,
    );
  }
}

/** A change outside every context, where the option `outsideContext` is `'throw'`. */
export class OutsideContextError extends RevyError {
  readonly code = 'REVY_OUTSIDE_CONTEXT';

  constructor(
    /** The class concerned. */
    readonly entityName: string,
  ) {
    super(
      `Cannot write ${entityName}: no revision context says who makes the change. ` +
        `Wrap the code in RevisionContext.run({ actor }, () => ...); ` +
        `the option outsideContext: 'track' would record it as the system's.`,
    );
  }
}

/** The history could not be written, so that nothing was: the transaction is rolled back. */
export class HistoryWriteError extends RevyError {
  readonly code = 'REVY_HISTORY_WRITE';

  constructor(cause: unknown) {
    super(
      `Cannot record the history of this transaction, so its changes are rolled back with it: ${messageOf(cause)}. ` +
        `The entity manager believes that it has flushed: go on with a fresh fork. ` +
        `If a table is missing, run the schema generator or your migrations.`,
      { cause },
    );
  }
}

/** The connection was lost while a transaction was being committed together with its history. */
export class UnknownCommitError extends RevyError {
  readonly code = 'REVY_UNKNOWN_COMMIT';

  constructor(cause: unknown) {
    super(
      `Cannot tell whether this transaction was committed: the connection was lost meanwhile (${messageOf(cause)}). ` +
        `Its changes and their history are there together, or not at all: look before you try again.`,
      { cause },
    );
  }
}

/** A value has no form in which it could be stored. */
export class UnserialisableValueError extends RevyError {
  readonly code = 'REVY_UNSERIALISABLE_VALUE';

  constructor(
    /** The property concerned. */
    readonly attribute: string,
    /** What kind of value it is. */
    readonly kind: string,
  ) {
    super(
      `Cannot record the attribute "${attribute}": its database value is a ${kind}, which cannot be stored. ` +
        `Let its custom type return text, a number, a boolean, bytes, a date or JSON, or exclude the attribute.`,
    );
  }
}

/** The context's metadata has no JSON form. */
export class UnserialisableMetadataError extends RevyError {
  readonly code = 'REVY_UNSERIALISABLE_METADATA';

  constructor(cause: unknown) {
    super(
      `Cannot record the context's metadata: it has no JSON form (${messageOf(cause)}). ` +
        `Put text, numbers, booleans, null, arrays and plain objects into it; a bigint goes in as text.`,
      { cause },
    );
  }
}

/** An actor cannot be stored, because nothing would lead back to it. */
export class UnusableActorError extends RevyError {
  readonly code = 'REVY_UNUSABLE_ACTOR';

  constructor(
    /** What was given as the actor, by its class. */
    readonly actorName: string,
    reason: 'not an entity' | 'no key',
  ) {
    super(
      reason === 'no key'
        ? `Cannot use ${actorName} as an actor: it has no primary key. ` +
            `Persist it, at the latest in the flush that it acts in.`
        : `Cannot use ${actorName} as an actor: it is not an entity of this ORM. ` +
            `Use an entity, new SystemActor('name'), or null for the system.`,
    );
  }
}

/** The actors of a revision that nobody has loaded were asked for. */
export class UnloadedRevisionError extends RevyError {
  readonly code = 'REVY_UNLOADED_REVISION';

  constructor() {
    super(
      'Cannot load the actors of this revision: it was made by the application and not read from the database. ' +
        'Find it first, with history.revisions() or em.findOne(Revision, id).',
    );
  }
}

/** The context's `revision` is not a revision. */
export class UnusableRevisionError extends RevyError {
  readonly code = 'REVY_UNUSABLE_REVISION';

  constructor(
    /** What was given in place of a revision. */
    readonly given: string,
  ) {
    super(
      `Cannot write into ${given}: the context's "revision" has to be a Revision, or a function that returns one. ` +
        `Use revision: () => new Revision(), or a revision that was loaded.`,
    );
  }
}

/** A key does not fit the entity's primary key. */
export class UnusableKeyError extends RevyError {
  readonly code = 'REVY_UNUSABLE_KEY';

  constructor(
    /** The class concerned. */
    readonly entityName: string,
    /** What was given as the key. */
    readonly key: unknown,
    primaryKeys: readonly string[],
  ) {
    super(
      `Cannot use ${inspect(key)} as the key of ${entityName}: its primary key is (${primaryKeys.join(', ')}). ` +
        `Pass ${primaryKeys.length > 1 ? 'an array or an object with a value for each of them' : 'its value'}.`,
    );
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
