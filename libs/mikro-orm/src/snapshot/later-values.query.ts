import { statement, type Statement } from '../database/statement.js';
import type { JsonRecord } from '../model/json.js';
import { quoted, type TableNames } from '../model/tables.js';

/** What later deltas know of attributes that the earlier ones of an object do not; see {@link laterValuesStatement}. */
export interface LaterValues {
  /** Whether the history saw the object's beginning, so that what it does not know was never there. */
  readonly is_created: boolean;
  /** Whether it was deleted or made anew later; then the live row, if any, is another one. */
  readonly is_replaced_later: boolean;
  readonly values: JsonRecord | null;
}

/**
 * The first value that each attribute is known to have had after a delta, for many objects and in their order;
 * parameters: types, object ids, ids of the deltas or 0. What a baseline found was the value before it as well.
 */
export function laterValuesStatement(tables: TableNames): Statement {
  const delta = quoted(tables, 'objectDelta');
  const object = 'd.object_type = o.type and d.object_id = o.object_id';
  return statement(`
select exists (select from ${delta} d where ${object} and d.id <= o.after and d.action = 'create') as is_created,
       ending.id is not null as is_replaced_later,
       (select jsonb_object_agg(e.key, e.value order by d.id desc)
        from ${delta} d, jsonb_each(case when d.new_values = '{}' then d.state else d.old_values end) e
        where ${object} and d.id > o.after and d.id <= coalesce(ending.id, d.id)) as values
from unnest($1::text[], $2::text[], $3::bigint[]) with ordinality o(type, object_id, after, position)
left join lateral (
  select d.id from ${delta} d where ${object} and d.id > o.after and d.action <> 'update' order by d.id limit 1
) ending on true
order by o.position`);
}
