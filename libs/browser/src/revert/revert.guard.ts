import { type CanActivate, type ExecutionContext, Inject, Injectable, Logger } from '@nestjs/common';
import { RevertClosedError, RevertRefusedError } from '../browser.errors.js';
import { BROWSER_SETTINGS, type BrowserSettings } from '../browser.options.js';
import { Permissions } from '../mount/permissions.js';

/** Lets nobody revert whom the application does not let. Whoever reverts may also look: that is asked before. */
@Injectable()
export class RevertGuard implements CanActivate {
  #isLogged = false;

  constructor(
    @Inject(BROWSER_SETTINGS) private readonly settings: BrowserSettings,
    private readonly permissions: Permissions,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { canRevert } = this.settings;
    if (!canRevert) throw this.#closed();
    if (!(await this.permissions.isAllowed(canRevert, context))) throw new RevertRefusedError();
    return true;
  }

  /** The log says it once: anybody can ask for the address. */
  #closed(): RevertClosedError {
    const error = new RevertClosedError();
    if (!this.#isLogged) new Logger('RevyBrowserModule').warn(error.message);
    this.#isLogged = true;
    return error;
  }
}
