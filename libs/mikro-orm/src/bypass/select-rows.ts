import { type Dictionary, type EntityMetadata, raw } from '@mikro-orm/core';
import type { DriverRun } from './native-call.js';
import type { SqlBuilder, TransactionContext } from './sql-driver.js';

/** How strongly rows are held. Only a write of a key may keep others from referring to the row. */
export type RowLock = 'for update' | 'for no key update';

/** What rows of one class to read. */
export interface Selection {
  readonly meta: EntityMetadata;
  readonly fields: readonly string[];
  readonly where: unknown;
  /** Whether the condition's values are as a user writes them. */
  readonly convertCustomTypes: boolean;
  readonly lock?: RowLock | undefined;
  readonly limit?: number | undefined;
  /** Asks where each row's present version comes from: after an upsert that merges, or that ignores. */
  readonly origin?: 'merged' | 'ignored' | undefined;
  /** `null` reads what is committed, on another connection. */
  readonly ctx?: TransactionContext | null | undefined;
}

/** One row, by property name, as the driver gives it. */
export interface SelectedRow {
  readonly data: Dictionary;
  /** Whether this transaction wrote this version of the row. */
  readonly isOurs: boolean;
  /** Whether this version took the place of an earlier one, or is locked. */
  readonly mayReplace: boolean;
}

/**
 * Reads rows as the native calls of the ORM find them: through the same builder, and so with the same joins, schema
 * and discriminator, and without any filter but those that the condition has in it already.
 */
export async function selectRows(run: DriverRun, selection: Selection): Promise<SelectedRow[]> {
  const { driver, options } = run;
  const { meta } = selection;
  const ctx = selection.ctx === null ? undefined : (selection.ctx ?? run.ctx);
  const builder = driver
    .createQueryBuilder(meta.class, ctx, 'write', selection.convertCustomTypes, options.loggerContext)
    .withSchema(driver.getSchemaName(meta, options));
  const origin = originColumns(selection.origin, driver.getPlatform().quoteIdentifier(builder.alias));
  const { sql, params } = builder
    .select([...selection.fields, ...origin])
    .where(selection.where)
    .toQuery();
  const text = sql + suffix(run, selection, builder);
  const query = driver.getConnection('write').execute<Dictionary[]>(text, params, 'all', ctx, options.loggerContext);
  const rows = await driver.rethrow(query);
  return rows.map(row => {
    const { revy_ours: isOurs, revy_replaces: mayReplace, ...columns } = row;
    return {
      data: driver.mapResult(columns, meta, [], builder),
      isOurs: isOurs === true,
      mayReplace: mayReplace === true,
    };
  });
}

/** Written by hand: MikroORM 7.2 knows no NO KEY lock, and its limit would wrap a query with joins. */
function suffix(run: DriverRun, { lock, limit }: Selection, builder: SqlBuilder): string {
  const limited = limit === undefined ? '' : ` limit ${limit}`;
  if (!lock) return limited;
  // an outer join's far side cannot be locked; the tables of an object's own hierarchy are joined for certain
  const aliases = [builder.alias, ...Object.values(builder.state.tptAlias)];
  return `${limited} ${lock} of ${aliases.map(alias => run.driver.getPlatform().quoteIdentifier(alias)).join(', ')}`;
}

/**
 * A row that an upsert with `ignore` met was written by us if its `xmin` is a transaction, or the savepoint that we are
 * in, whose lock we hold; arithmetic with `age()` would be right only once a transaction has its number.
 * In one that an upsert with `merge` left, `xmax` is 0 if it was inserted: `on conflict do update` locks what it meets.
 */
function originColumns(origin: Selection['origin'], alias: string): unknown[] {
  if (!origin) return [];
  if (origin === 'merged') return [raw(`true as revy_ours, ${alias}.xmax::text <> '0' as revy_replaces`)];
  const ours = `select transactionid from pg_locks where pid = pg_backend_pid() and mode = 'ExclusiveLock'`;
  return [raw(`${alias}.xmin = any (array(${ours} and locktype = 'transactionid')) as revy_ours`)];
}
