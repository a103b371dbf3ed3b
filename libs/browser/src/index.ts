export {
  BrowserClosedError,
  BrowserOrmMissingError,
  BrowserRefusedError,
  ForeignFormError,
  NotInHistoryError,
  RevertClosedError,
  RevertRefusedError,
  UnusableRevertError,
} from './browser.errors.js';
export { RevyBrowserModule } from './browser.module.js';
export type {
  BrowserPermission,
  RevyBrowserAsyncOptions,
  RevyBrowserOptions,
  RevyBrowserOptionsFactory,
  RevyBrowserProvidedOptions,
} from './browser.options.js';
export { type Html, type HtmlValue, markup } from './html/markup.js';
export type { HistoryLabels, TypeLabels } from './wording/labels.js';
export type { ValueRenderer, ValueRenderers } from './wording/renderers.js';
