import { RevyError } from '@revy/mikro-orm';

/** `RevyModule` found no ORM in the application. */
export class MikroOrmMissingError extends RevyError {
  readonly code = 'REVY_NEST_MIKRO_ORM_MISSING';

  constructor(
    /** The `contextName` that was looked for; `undefined` for the one without a name. */
    readonly contextName?: string,
  ) {
    super(
      contextName === undefined
        ? 'Cannot track changes: RevyModule finds no MikroORM in this application. ' +
            'Import MikroOrmModule.forRoot() (or forRootAsync()) from @mikro-orm/nestjs beside RevyModule.forRoot(); ' +
            'if it has a "contextName", give RevyModule the same.'
        : `Cannot track changes: RevyModule finds no MikroORM with the contextName "${contextName}" in this application. ` +
            'Import MikroOrmModule.forRoot() (or forRootAsync()) from @mikro-orm/nestjs with that "contextName".',
    );
  }
}

/** `RevyModule` was given options for an ORM that is tracked already, under options that can no longer change. */
export class AlreadyTrackedError extends RevyError {
  readonly code = 'REVY_NEST_ALREADY_TRACKED';

  constructor() {
    super(
      'Cannot apply the option "revy" of RevyModule: this ORM is tracked already, by revy() in the "extensions" of its ' +
        'configuration or by another RevyModule. Give the options in one place only.',
    );
  }
}

/** `@RevisionActor()` stands where it can do nothing. */
export class MisplacedRevisionActorError extends RevyError {
  readonly code = 'REVY_NEST_MISPLACED_REVISION_ACTOR';

  constructor(
    /** The class, with its method, that has the parameter. */
    readonly place: string,
    reason: 'resolver on a parameter' | 'constructor parameter',
  ) {
    super(
      reason === 'resolver on a parameter'
        ? `Cannot use @RevisionActor(resolver) on a parameter of ${place}: there it only injects the actor. ` +
            'Put the resolver on the method or on its class, and @RevisionActor() on the parameter.'
        : `Cannot use @RevisionActor() on a parameter of the constructor of ${place}: the actor is known in a call ` +
            `only. Inject it into a handler, or read RevisionContext.get('actor') during the call.`,
    );
  }
}

/** `@WithRevisionContext()` was to ask a class of the container, which it cannot reach. */
export class UnreachableResolverError extends RevyError {
  readonly code = 'REVY_NEST_UNREACHABLE_RESOLVER';

  constructor(
    /** The class that was to be asked. */
    readonly resolver: string,
    /** The method that it was to be asked for. */
    readonly method: string,
  ) {
    super(
      `Cannot ask ${resolver} about ${method}: @WithRevisionContext() reaches no container. ` +
        'Give the decorator a function; its "this" is the instance that the method is called on.',
    );
  }
}
