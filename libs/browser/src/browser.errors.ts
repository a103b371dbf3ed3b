import { RevyError } from '@revy/mikro-orm';

/** `RevyBrowserModule` found no ORM in the application. */
export class BrowserOrmMissingError extends RevyError {
  readonly code = 'REVY_BROWSER_ORM_MISSING';

  constructor(readonly contextName?: string) {
    super(
      `Cannot show the history: RevyBrowserModule finds no MikroORM${
        contextName === undefined ? '' : ` with the contextName "${contextName}"`
      } in this application. Import MikroOrmModule.forRoot() (or forRootAsync()) from @mikro-orm/nestjs beside ` +
        'RevyBrowserModule.forRoot(); if it has a "contextName", give RevyBrowserModule the same.',
    );
  }
}

/** Nobody may see the history, because the application has not said who may. Answered with 403. */
export class BrowserClosedError extends RevyError {
  readonly code = 'REVY_BROWSER_CLOSED';

  constructor() {
    super(
      'Cannot show the history to anybody: RevyBrowserModule has no "canActivate". Say who may read it: ' +
        'RevyBrowserModule.forRoot({ canActivate: context => isAdmin(context.switchToHttp().getRequest()) }), or a guard ' +
        'class in place of the function.',
    );
  }
}

/** There is nothing at an address. Answered with 404. */
export class NotInHistoryError extends RevyError {
  readonly code = 'REVY_BROWSER_NOT_IN_HISTORY';

  /** @param what as a reader knows it: `revision 7` */
  constructor(readonly what: string) {
    super(`Cannot show ${what}: there is none in the history. Look for it in the list of all revisions.`);
  }
}

/** The application's `canActivate` said no. Answered with 403. */
export class BrowserRefusedError extends RevyError {
  readonly code = 'REVY_BROWSER_REFUSED';

  constructor() {
    super('Cannot show the history to you: "canActivate" of RevyBrowserModule refuses. Sign in as somebody who may.');
  }
}
