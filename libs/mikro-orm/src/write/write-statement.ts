import { type Statement, statement } from '../database/statement.js';
import { quoted, type TableNames } from '../model/tables.js';

/**
 * The one statement that records a transaction: the revision, its object deltas, and a keyframe where one is due.
 * Parameters: id of an existing revision, description, actor type, actor id, metadata, reverts, deltas.
 */
export function writeStatement(tables: TableNames, keyframeEvery: number): Statement {
  return statement(statementText(quoted(tables, 'revision'), quoted(tables, 'objectDelta'), keyframeEvery));
}

/**
 * Measured beside three tables, one row per attribute and triggers: one JSON parameter is what costs least.
 * `last` is one index probe for each delta; a keyframe is folded only for each `keyframeEvery`-th of an object.
 */
function statementText(revision: string, delta: string, keyframeEvery: number): string {
  return `
with made as (
  insert into ${revision} (description, actor_type, actor_id, metadata, reverts, transaction_id)
  select $2::text, $3::text, $4::text, $5::jsonb, $6::bigint, pg_current_xact_id()::text::bigint
  where $1::bigint is null
  returning id
), chosen as (
  select id from made union all select $1::bigint where $1::bigint is not null
), written as (
  insert into ${delta} (revision_id, action, object_type, object_id, version, actor_type, actor_id,
                        description, old_values, new_values, attributions, state)
  select chosen.id, x.a, x.t, x.i, coalesce(last.version, 0) + 1, x.y, x.z, x.d, x.o, x.n, x.s,
         case when x.a = 'update' and last.version % ${keyframeEvery} = 0 then ((
           select jsonb_object_agg(e.key, e.value order by d.id)
           from ${delta} d, jsonb_each(coalesce(d.state, d.new_values)) e
           where d.object_type = x.t and d.object_id = x.i and d.id >= coalesce((
             select b.id from ${delta} b
             where b.object_type = x.t and b.object_id = x.i and (b.state is not null or b.action <> 'update')
             order by b.id desc limit 1), 0)
         ) || x.n) - coalesce(x.l, '{}') end
  from chosen, json_to_recordset($7::json)
    as x(t text, i text, a text, y text, z text, d text, o jsonb, n jsonb, s jsonb, l text[])
  left join lateral (
    select d.version from ${delta} d
    where d.object_type = x.t and d.object_id = x.i
    order by d.id desc limit 1
  ) last on true
  returning id
)
select chosen.id, (select min(id) from written) as first, (select max(id) from written) as last from chosen`;
}
