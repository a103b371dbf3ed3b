export {
  BrowserClosedError,
  BrowserOrmMissingError,
  BrowserRefusedError,
  NotInHistoryError,
} from './browser.errors.js';
export { RevyBrowserModule } from './browser.module.js';
export type { BrowserPermission, RevyBrowserOptions } from './browser.options.js';
