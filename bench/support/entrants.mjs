import { deltaEntities } from '../competitors/delta-entities.mjs';
import { insertPerAttribute } from '../competitors/insert-per-attribute.mjs';
import { revyEntrant } from '../competitors/revy.mjs';
import { statementTrigger } from '../competitors/statement-trigger.mjs';
import { untracked } from '../competitors/untracked.mjs';
import { CustomerWork } from './customer-work.mjs';
import { createDatabase, query } from './server.mjs';

/** Everybody who takes part; the first is what the others are compared with. */
export const allDesigns = [untracked, revyEntrant, statementTrigger, deltaEntities, insertPerAttribute];

/**
 * Opens each design in a database of its own and runs `fn` with all of them; the databases are dropped afterwards.
 *
 * @param {{ serverUrl: string, designs?: typeof allDesigns, seedRows: number }} options
 */
export async function withEntrants({ serverUrl, designs = allDesigns, seedRows }, fn) {
  const open = [];
  try {
    for (const design of designs) {
      const database = await createDatabase(serverUrl, design.name);
      const entrant = {
        name: design.name,
        isSlow: design.isSlow ?? false,
        database,
        ...(await design.open(database.url)),
      };
      open.push(entrant);
      await entrant.createSchema();
      entrant.work = new CustomerWork(entrant);
      if (seedRows > 0) await entrant.work.seed(seedRows);
      await query(database.url, withoutAutovacuum);
      await tidy(entrant);
    }
    return await fn(open);
  } finally {
    for (const entrant of open) {
      await entrant.orm.close();
      await entrant.database.drop();
    }
  }
}

/** Runs `fn` with each design and an untracked twin of its own: both databases have the same past. */
export async function withEachPair({ serverUrl, seedRows }, fn) {
  for (const design of allDesigns.slice(1)) {
    await withEntrants({ serverUrl, designs: [untracked, design], seedRows }, pair => fn(...pair));
  }
}

/** Autovacuum would come in the middle of somebody's sample; `tidy` does its work between them. */
const withoutAutovacuum = `
  do $$ declare t regclass; begin
    for t in select oid from pg_class where relkind = 'r' and relnamespace in (
      select oid from pg_namespace where nspname not in ('pg_catalog', 'information_schema', 'pg_toast')) loop
      execute format('alter table %s set (autovacuum_enabled = off)', t);
    end loop;
  end $$`;

export const tidy = entrant => query(entrant.database.url, 'vacuum analyze');
