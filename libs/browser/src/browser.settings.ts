import { RevyOptionError } from '@revy/mikro-orm';
import type { BrowserSettings, RevyBrowserOptions, RevyBrowserProvidedOptions } from './browser.options.js';
import { secretOf } from './revert/form-proof.js';
import { checkLabels } from './wording/labels.js';
import { checkRenderers } from './wording/renderers.js';

const OPTIONS: readonly string[] = [
  'path',
  'canActivate',
  'canRevert',
  'secret',
  'title',
  'pageSize',
  'labels',
  'render',
  'contextName',
] satisfies (keyof RevyBrowserOptions)[];

/**
 * The options with their defaults.
 *
 * @throws {RevyOptionError} if an option is unknown or has a value that it cannot take
 */
export function settingsOf(options: RevyBrowserProvidedOptions, path: string | undefined): BrowserSettings {
  for (const [name, value] of Object.entries(options)) {
    if (!OPTIONS.includes(name)) throw new RevyOptionError(name, value, `one of ${OPTIONS.join(', ')}`);
  }
  const { canActivate, canRevert, title = 'History', pageSize = 50, labels = {}, render = {} } = options;
  if (!Number.isSafeInteger(pageSize) || pageSize < 1) {
    throw new RevyOptionError('pageSize', pageSize, 'a whole number from 1');
  }
  checkLabels(labels);
  checkRenderers(render);
  const secret = secretOf(options);
  return { path: mountPath(path), canActivate, canRevert, secret, title, pageSize, labels, render };
}

/** @throws {RevyOptionError} if the path is that of the application itself */
export function mountPath(path = 'history'): string {
  const trimmed = path.replace(/^\/+|\/+$/g, '');
  if (trimmed === '') throw new RevyOptionError('path', path, 'a path with at least one segment');
  return trimmed;
}
