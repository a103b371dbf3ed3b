import { type Dictionary, type EntityMetadata, raw } from '@mikro-orm/core';
import type { NativeRun } from './native-call.js';
import type { SelectBuilder, TransactionContext } from './sql-driver.js';

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
  /** Asks where each row's present version comes from. */
  readonly withOrigin?: boolean | undefined;
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
export async function selectRows(run: NativeRun, selection: Selection): Promise<SelectedRow[]> {
  const { driver, options } = run;
  const { meta } = selection;
  const ctx = selection.ctx === null ? undefined : (selection.ctx ?? run.ctx);
  const builder = driver
    .createQueryBuilder(meta.class, ctx, 'write', selection.convertCustomTypes, options.loggerContext)
    .withSchema(driver.getSchemaName(meta, options));
  const origin = selection.withOrigin ? originColumns(driver.getPlatform().quoteIdentifier(builder.alias)) : [];
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
function suffix(run: NativeRun, { lock, limit }: Selection, builder: SelectBuilder): string {
  const limited = limit === undefined ? '' : ` limit ${limit}`;
  if (!lock) return limited;
  // an outer join's far side cannot be locked; the tables of an object's own hierarchy are joined for certain
  const aliases = [builder.alias, ...Object.values(builder.state.tptAlias)];
  return `${limited} ${lock} of ${aliases.map(alias => run.driver.getPlatform().quoteIdentifier(alias)).join(', ')}`;
}

/**
 * `xmin` is the transaction, or the savepoint, that wrote the row's version. `age()` counts from our own number and is
 * negative for later ones, which savepoints of ours have; only then is it safe to ask for its status.
 * `xmax` is 0 in a row that was inserted; `on conflict do update` leaves its lock in it.
 */
function originColumns(alias: string): unknown[] {
  const current = 'pg_current_xact_id()::text::bigint';
  const status = `pg_xact_status((${current} - age(${alias}.xmin))::text::xid8)`;
  return [
    raw(`case when age(${alias}.xmin) > 0 then false else ${status} = 'in progress' end as revy_ours`),
    raw(`${alias}.xmax::text <> '0' as revy_replaces`),
  ];
}
