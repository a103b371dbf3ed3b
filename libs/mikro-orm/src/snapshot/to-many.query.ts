import { statement, type Statement } from '../database/statement.js';
import type { PointCondition } from '../history/point.js';
import type { Json } from '../model/json.js';
import { quoted, type TableNames } from '../model/tables.js';

/** An object that a later delta parted from one that is asked about; or, of key columns, any that was deleted since. */
export interface CandidateRow {
  readonly type: string;
  readonly object_id: string;
}

/**
 * Objects that had one of some values in a to-one relation until after the point: it was changed, or they were deleted.
 * Parameters: types, names of the attribute, the point's value, stored references.
 *
 * Reads all deltas after the point: by the BRIN index, so that it costs what was recorded since.
 */
export function departedStatement(tables: TableNames, point: PointCondition): Statement {
  const values = (column: string) => `d.${column} -> any_name.name = any ($4::jsonb[])`;
  return statement(`
${laterDeltas(tables, point)}
select distinct d.object_type as type, d.object_id from later d cross join unnest($2::text[]) any_name(name)
where d.object_type = any ($1::text[]) and (${values('old_values')} or (d.new_values = '{}' and ${values('state')}))`);
}

/** Objects that were deleted after the point; parameters: types, nothing, the point's value. */
export function deletedStatement(tables: TableNames, point: PointCondition): Statement {
  return statement(`
${laterDeltas(tables, point)}
select distinct d.object_type as type, d.object_id from later d
where d.object_type = any ($1::text[]) and d.action = 'delete' and $2::text[] is null`);
}

/** Owners that lost a link to one of some targets after the point; parameters as of {@link departedStatement}. */
export function unlinkedStatement(tables: TableNames, point: PointCondition): Statement {
  return statement(`
${laterDeltas(tables, point)}
select distinct d.object_type as type, d.object_id from later d cross join unnest($2::text[]) any_name(name)
cross join lateral jsonb_array_elements(coalesce(d.new_values, d.old_values) -> any_name.name -> 'removed') key
where d.object_type = any ($1::text[]) and key.value = any ($4::jsonb[])`);
}

/** `later`: the deltas after the point, and of a date some before it, because clocks and ids need not agree. */
function laterDeltas(tables: TableNames, point: PointCondition): string {
  const delta = quoted(tables, 'objectDelta');
  if (point.kind !== 'date') return `with later as (select d.* from ${delta} d where not (${point.test}))`;
  const revision = quoted(tables, 'revision');
  return `with recursive halves(low, high) as (
  select 0::bigint, coalesce((select id from ${revision} order by id desc limit 1), 0) + 1
  union all
  select case when p.ok then p.id else h.low end, case when p.ok then h.high else h.middle end
  from (select low, high, (low + high) / 2 as middle from halves where high - low > 1) h
  left join lateral (
    select r.id, ${point.test} as ok from ${revision} r where r.id >= h.middle and r.id < h.high order by r.id limit 1
  ) p on true
), later as (
  select d.* from ${delta} d where d.revision_id > (select max(low) - ${SIDE_BY_SIDE} from halves)
)`;
}

/** More revisions than transactions can be recorded at one moment. */
const SIDE_BY_SIDE = 1000;

/** One delta that changed links of an owner, or ended or began its life. */
export interface LinkRow {
  readonly type: string;
  readonly object_id: string;
  readonly action: 'create' | 'update' | 'delete';
  readonly is_before: boolean;
  readonly links: {
    readonly added: readonly Json[];
    readonly removed: readonly Json[];
    /** Where a collection with an order stood otherwise than by itself: those that stand last, in their order. */
    readonly order?: readonly Json[];
  } | null;
  /** How those stood before that were moved or unlinked, if that is known. */
  readonly stood: readonly Json[] | null;
}

/**
 * What happened to the links of some owners, in its order; parameters: types, names of the collection, the point's
 * value, object ids. Costs what their histories are long.
 */
export function linksStatement(tables: TableNames, point: PointCondition): Statement {
  const join = point.kind === 'date' ? `join ${quoted(tables, 'revision')} r on r.id = d.revision_id` : '';
  return statement(`
select d.object_type as type, d.object_id, d.action, ${point.test} as is_before, l.links, l.stood
from unnest($1::text[]) t(type) cross join unnest($4::text[]) o(id)
join ${quoted(tables, 'objectDelta')} d on d.object_type = t.type and d.object_id = o.id ${join}
left join lateral (
  select coalesce(d.new_values, d.old_values) -> n.name as links, d.old_values -> n.name -> 'order' as stood
  from unnest($2::text[]) n(name)
  where coalesce(d.new_values, d.old_values) ? n.name limit 1
) l on true
where d.action <> 'update' or l.links is not null
order by d.id`);
}
