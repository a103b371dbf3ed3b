import type { MikroORM } from '@mikro-orm/core';
import { isTracked, revy, RevyOptionError } from '@revy/mikro-orm';
import { AlreadyTrackedError, MikroOrmMissingError } from './revy-nest.errors.js';
import type { RevyModuleOptions } from './revy.module-options.js';

const OPTIONS: readonly string[] = [
  'actor',
  'description',
  'metadata',
  'revy',
  'middleware',
] satisfies (keyof RevyModuleOptions)[];

/**
 * Switches tracking on, unless the ORM's own configuration did.
 *
 * @throws {MikroOrmMissingError} if there is no ORM
 * @throws {AlreadyTrackedError} if there are options for `revy()`, but they come too late
 * @throws {RevyOptionError} if an option is unknown
 */
export function trackOrm(
  orm: MikroORM | undefined,
  options: RevyModuleOptions,
  contextName: string | undefined,
): MikroORM {
  refuseUnknownOptions(options);
  if (!orm) throw new MikroOrmMissingError(contextName);
  if (!isTracked(orm)) revy(options.revy).register(orm);
  else if (options.revy) throw new AlreadyTrackedError();
  return orm;
}

function refuseUnknownOptions(options: RevyModuleOptions): void {
  for (const [name, value] of Object.entries(options)) {
    if (OPTIONS.includes(name)) continue;
    throw new RevyOptionError(
      name,
      value,
      `one of ${OPTIONS.join(', ')}; the options of revy() go into "revy", contextName beside useFactory`,
    );
  }
}
