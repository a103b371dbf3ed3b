import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { BrowserClosedError, BrowserRefusedError } from '../browser.errors.js';
import { BROWSER_SETTINGS, type BrowserSettings } from '../browser.options.js';
import { Permissions } from './permissions.js';

/** Lets nobody in whom the application does not let in. */
@Injectable()
export class BrowserGuard implements CanActivate {
  constructor(
    @Inject(BROWSER_SETTINGS) private readonly settings: BrowserSettings,
    private readonly permissions: Permissions,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { canActivate } = this.settings;
    if (!canActivate) throw new BrowserClosedError();
    if (!(await this.permissions.isAllowed(canActivate, context))) throw new BrowserRefusedError();
    return true;
  }
}
