import { RevyError } from '@revy/mikro-orm';

/** `RevyBrowserModule` found no ORM in the application. */
export class BrowserOrmMissingError extends RevyError {
  readonly code = 'REVY_BROWSER_ORM_MISSING';

  constructor(
    /** The `contextName` that was looked for; `undefined` for the one without a name. */
    readonly contextName?: string,
  ) {
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
  constructor(
    /** What was looked for. */
    readonly what: string,
  ) {
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

/** Nobody may revert, because the application has not said who may. Answered with 403. */
export class RevertClosedError extends RevyError {
  readonly code = 'REVY_BROWSER_REVERT_CLOSED';

  constructor() {
    super(
      'Cannot revert for anybody: RevyBrowserModule has no "canRevert". Say who may put things back: ' +
        'RevyBrowserModule.forRoot({ canRevert: context => isAdmin(context.switchToHttp().getRequest()) }), or a guard ' +
        'class in place of the function.',
    );
  }
}

/** The application's `canRevert` said no. Answered with 403. */
export class RevertRefusedError extends RevyError {
  readonly code = 'REVY_BROWSER_REVERT_REFUSED';

  constructor() {
    super('Cannot revert for you: "canRevert" of RevyBrowserModule refuses. Sign in as somebody who may.');
  }
}

/** Somebody else's page may have sent a form in the reader's name. Answered with 403; nothing was changed. */
export class ForeignFormError extends RevyError {
  readonly code = 'REVY_BROWSER_FOREIGN_FORM';

  constructor(
    /** What about the form speaks against it, in words. */
    readonly why: string,
  ) {
    super(
      `Cannot revert: the form does not come from a page that was shown to you: ${why}. Nothing was changed. Open the ` +
        'plan again, and send its form.',
    );
  }
}

/** An address says nothing that could be reverted. Answered with 400. */
export class UnusableRevertError extends RevyError {
  readonly code = 'REVY_BROWSER_UNUSABLE_REVERT';

  constructor() {
    super(
      'Cannot plan a revert: the address does not say what to put back. It takes "revision", or "type" and "id" with ' +
        '"version", with "version" and "attribute", or with "undelete". The pages of revisions and objects link to it.',
    );
  }
}
