import type { CanActivate, ExecutionContext, Type } from '@nestjs/common';

/**
 * Says who may: a function, or a guard class. The class's instance is the one of the container, of any module and any
 * scope; one that no module provides is made once, with what the container has for its constructor. What it throws
 * becomes the response, as if a guard of the application had thrown it.
 */
export type BrowserPermission = ((context: ExecutionContext) => boolean | Promise<boolean>) | Type<CanActivate>;

/** Options of `RevyBrowserModule.forRoot`. */
export interface RevyBrowserOptions {
  /**
   * Where the pages are, below the application's global prefix.
   *
   * @defaultValue `'history'`
   */
  readonly path?: string;
  /**
   * Who may see the history; asked once for each page.
   *
   * @defaultValue nobody: every page answers 403, and a warning at the start says how to set it
   */
  readonly canActivate?: BrowserPermission;
  /**
   * What the pages are titled.
   *
   * @defaultValue `'History'`
   */
  readonly title?: string;
  /**
   * How many entries a page of a list has.
   *
   * @defaultValue 50
   */
  readonly pageSize?: number;
  /**
   * Whose history is shown, by the `contextName` of its `MikroOrmModule`.
   *
   * @defaultValue the ORM without a name
   */
  readonly contextName?: string;
}

/** The options with their defaults in place. */
export interface BrowserSettings {
  readonly path: string;
  readonly canActivate: BrowserPermission | undefined;
  readonly title: string;
  readonly pageSize: number;
}

export const BROWSER_SETTINGS = Symbol('revy.browser.settings');
export const BROWSER_ORM = Symbol('revy.browser.orm');
