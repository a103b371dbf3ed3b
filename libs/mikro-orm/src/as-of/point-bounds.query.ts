import { statement, type Statement } from '../database/statement.js';
import type { PointCondition } from '../history/point.js';
import { quoted, type TableNames } from '../model/tables.js';

/** The one row that {@link boundsStatement} returns. */
export interface BoundsRow {
  /** Id of the last revision up to the point; 0 if there is none. */
  readonly cut: string;
  readonly early: string[];
  readonly late: string[];
  readonly nearby: string;
  /** How many deltas came after the point, about. */
  readonly since: number;
  /** How large tables are, in bytes. */
  readonly sizes: readonly string[];
  /** Whether the revision that the point names exists. */
  readonly point_exists: boolean;
  /** When the first revision was recorded. */
  readonly began: Date | string | null;
  /** The schema that the connection finds first. */
  readonly schema: string;
}

/** Revisions of transactions that ran at once may have their dates in another order than their ids. */
const NEIGHBOURS = 300;

const SIZES = `array(
    select coalesce((
      select pg_relation_size(c.oid) from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relname = t.name and n.nspname = coalesce(t.schema, current_schema())
    ), 0)::text from unnest($3::text[], $4::text[]) with ordinality t(schema, name, place) order by t.place)`;

/**
 * Finds where a point lies, by halving the ids of revisions and of deltas: some twenty index probes each at a million.
 * Parameters: the point's value, whether the transaction has to be told that it only reads, and the schemas and names of
 * the tables whose sizes are asked for.
 *
 * Also turns off what compiles statements, whose estimates are high and whose work is little, and what plans a prepared
 * statement anew for each of its values.
 */
export function boundsStatement(tables: TableNames, { kind, includes }: PointCondition): Statement {
  const revision = quoted(tables, 'revision');
  const delta = quoted(tables, 'objectDelta');
  const isUpTo = `date_trunc('milliseconds', r.recorded_at) <= $1::timestamptz`;
  const cut =
    kind === 'date'
      ? halving(`(select r.id, ${isUpTo} as ok from ${revision} r)`)
      : `select $1::bigint - ${includes ? 0 : 1}`;
  const neighbours = (ok: string) =>
    kind === 'date'
      ? `array(select r.id::text from ${revision} r where r.id between cut.id - ${NEIGHBOURS} and cut.id + ${NEIGHBOURS} and ${ok})`
      : `'{}'::text[]`;
  return statement(`
with cut as (select coalesce((${cut}), 0) as id),
nearby as (select coalesce((${halving(`(select d.id, d.revision_id <= (select id from cut) as ok from ${delta} d)`)}), 0) as id)
select cut.id::text as cut,
       ${neighbours(`r.id <= cut.id and not ${isUpTo}`)} as early,
       ${neighbours(`r.id > cut.id and ${isUpTo}`)} as late,
       nearby.id::text as nearby, coalesce((select max(id) from ${delta}) - nearby.id, 0)::float8 as since, ${SIZES} as sizes,
       ${kind === 'revision' ? `exists (select from ${revision} where id = $1::bigint)` : 'true'} as point_exists,
       (select recorded_at from ${revision} order by id limit 1) as began,
       coalesce(current_schema(), 'public') as schema,
       set_config('jit', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true),
       case when $2::boolean then set_config('transaction_read_only', 'on', true) end
from cut, nearby`);
}

/**
 * The last row that is `ok`, of rows of which those with lower ids are. Where some are out of order, one that is next to
 * one that is not: the ends say nothing about what lies between them.
 */
function halving(rows: string): string {
  const probe = (where: string, order: string) =>
    `(select p.id, p.ok from ${rows} p where ${where} order by p.id${order} limit 1)`;
  return `with recursive search(low, high) as (
  select 0::bigint, (select p.id + 1 from ${rows} p order by p.id desc limit 1)
  union all
  select case when probe.ok then probe.id else low end, case when probe.ok then high else probe.id end
  from search cross join lateral (
    ${probe('p.id > low and p.id <= (low + high) / 2', ' desc')}
    union all
    ${probe('p.id > (low + high) / 2 and p.id < high', '')}
    limit 1
  ) probe
) select max(low) from search`;
}
