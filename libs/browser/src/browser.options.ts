import type { CanActivate, ConfigurableModuleAsyncOptions, ExecutionContext, Type } from '@nestjs/common';
import type { HistoryLabels } from './wording/labels.js';
import type { ValueRenderers } from './wording/renderers.js';

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
   * Who, of those who may see the history, may also put things back; asked for each page that has a way to do it, and
   * for each plan and each revert.
   *
   * @defaultValue nobody: the pages show no way to revert, and its address answers 403
   */
  readonly canRevert?: BrowserPermission;
  /**
   * What the forms that revert are signed with: at least 32 characters, the same in all processes that serve the pages.
   *
   * @defaultValue random for each process, so that a form is good only where it was made
   */
  readonly secret?: string;
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
   * What types, attributes and actors are called. Addresses, filters and exported files keep the stored names.
   *
   * @defaultValue their stored names
   */
  readonly labels?: HistoryLabels;
  /**
   * What values of attributes are shown as. Exported files keep the values.
   *
   * @defaultValue text as it is, and JSON for all else
   */
  readonly render?: ValueRenderers;
  /**
   * Whose history is shown, by the `contextName` of its `MikroOrmModule`.
   *
   * @defaultValue the ORM without a name
   */
  readonly contextName?: string;
}

/** What other providers may give: where the pages are has to be known before there are any. */
export type RevyBrowserProvidedOptions = Omit<RevyBrowserOptions, 'path' | 'contextName'>;

/** What a class given to `RevyBrowserModule.forRootAsync` as `useClass` or `useExisting` implements. */
export interface RevyBrowserOptionsFactory {
  /** The options of the module. Called once, when the application starts. */
  createBrowserOptions(): RevyBrowserProvidedOptions | Promise<RevyBrowserProvidedOptions>;
}

/** Options of `RevyBrowserModule.forRootAsync`: one of `useFactory`, `useClass` and `useExisting`. */
export type RevyBrowserAsyncOptions = ConfigurableModuleAsyncOptions<
  RevyBrowserProvidedOptions,
  keyof RevyBrowserOptionsFactory
> &
  Pick<RevyBrowserOptions, 'path' | 'contextName'>;

/** The options with their defaults in place. */
export interface BrowserSettings {
  readonly path: string;
  readonly canActivate: BrowserPermission | undefined;
  readonly canRevert: BrowserPermission | undefined;
  readonly secret: string;
  readonly title: string;
  readonly pageSize: number;
  readonly labels: HistoryLabels;
  readonly render: ValueRenderers;
}

export const BROWSER_SETTINGS = Symbol('revy.browser.settings');
export const BROWSER_ORM = Symbol('revy.browser.orm');
