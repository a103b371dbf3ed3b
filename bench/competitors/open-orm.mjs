import { MikroORM } from '@mikro-orm/postgresql';

/** One ORM as every entrant gets it: the same driver, pool and defaults. */
export function openOrm(url, config) {
  return MikroORM.init({
    clientUrl: url,
    pool: { min: 1, max: 2 },
    // MikroORM 7.2 takes no server settings from the URL.
    driverOptions: { options: new URL(url).searchParams.get('options') ?? undefined },
    ensureDatabase: false,
    ...config,
  });
}
