import { type CanActivate, type ExecutionContext, Inject, Injectable, Scope, type Type } from '@nestjs/common';
import { ContextIdFactory, ModuleRef } from '@nestjs/core';
import { firstValueFrom, isObservable } from 'rxjs';
import { BROWSER_SETTINGS, type BrowserPermission, type BrowserSettings } from '../browser.options.js';

/** Asks what the application allows. */
@Injectable()
export class Permissions {
  readonly #made = new Map<Type<CanActivate>, Promise<CanActivate>>();

  constructor(
    @Inject(BROWSER_SETTINGS) private readonly settings: BrowserSettings,
    private readonly modules: ModuleRef,
  ) {}

  /** Rejects with what the application's own code throws. */
  async isAllowed(permission: BrowserPermission, context: ExecutionContext): Promise<boolean> {
    if (!isGuardClass(permission)) return (await permission(context)) === true;
    const guard = await this.#instanceOf(permission, context);
    const answer = await guard.canActivate(context);
    return isObservable(answer) ? firstValueFrom(answer) : answer;
  }

  /** Whether a page shows ways to revert; what throws is a no here, and speaks for itself where one of them is taken. */
  async mayRevert(context: ExecutionContext): Promise<boolean> {
    const { canRevert } = this.settings;
    return canRevert !== undefined && (await this.isAllowed(canRevert, context).catch(() => false));
  }

  async #instanceOf(guard: Type<CanActivate>, context: ExecutionContext): Promise<CanActivate> {
    const scope = this.#scopeOf(guard);
    if (scope === undefined) return this.#make(guard);
    if (scope === Scope.DEFAULT) return this.modules.get(guard, { strict: false });
    const id = ContextIdFactory.getByRequest(context.switchToHttp().getRequest<Record<string, unknown>>());
    return this.modules.resolve(guard, id, { strict: false });
  }

  #scopeOf(guard: Type<CanActivate>): Scope | undefined {
    try {
      return this.modules.introspect(guard).scope;
    } catch {
      return undefined; // no module provides it; there is no way to ask
    }
  }

  #make(guard: Type<CanActivate>): Promise<CanActivate> {
    const made = this.#made.get(guard) ?? this.modules.create(guard);
    this.#made.set(guard, made);
    return made;
  }
}

function isGuardClass(permission: BrowserPermission): permission is Type<CanActivate> {
  return typeof (permission.prototype as Partial<CanActivate> | undefined)?.canActivate === 'function';
}
