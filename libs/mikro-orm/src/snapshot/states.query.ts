import { statement, type Statement } from '../database/statement.js';
import type { PointCondition } from '../history/point.js';
import type { ObjectAction } from '../model/action.js';
import type { JsonRecord } from '../model/json.js';
import { quoted, type TableNames } from '../model/tables.js';

/** What {@link statesStatement} returns for each object that has deltas, and one row without an object at least. */
export interface StateRow {
  readonly type: string | null;
  readonly object_id: string | null;
  /** The delta that made the state; `null` if the object has none up to the point. */
  readonly id: string | null;
  readonly version: number | null;
  readonly action: ObjectAction | null;
  readonly revision_id: string | null;
  /** A full state and what came after it, oldest first; of a deleted object what it last was. */
  readonly parts: readonly JsonRecord[] | null;
  /** Nothing came after the point. */
  readonly is_last: boolean | null;
  /** What the object's first delta did, where none lies before the point. */
  readonly first_action: ObjectAction | null;
  readonly point_exists: boolean;
  readonly since: string | null;
}

/** Which objects to read: those of a list of ids, or whatever the history knows of the types. */
export type ObjectSource = 'ids' | 'all';

/**
 * Rebuilds many objects at a point; parameters: types, ids (only with them), the point's value.
 *
 * Ids rise with time, but for transactions that ran side by side. So the point is looked up once in the ids of all
 * deltas, by halving; from there each object's own last delta is one index probe away, and two tell whether the object
 * has deltas on the wrong side of that id, which are then stepped over. The state is folded by whoever asked: its
 * parts are few, and sending them costs less than `jsonb_object_agg`.
 */
export function statesStatement(tables: TableNames, point: PointCondition, source: ObjectSource): Statement {
  const names = { delta: quoted(tables, 'objectDelta'), revision: quoted(tables, 'revision') };
  const probe = probeOf(names, point);
  return statement(`
with recursive ${boundOf(names.delta, point, probe)}, objects as (${objectsOf(names.delta, source)})
select o.type, o.object_id, f.*, e.is_last,
       case when f.id is null then (${probe('d.action', '', 'd.id')}) end as first_action,
       ${point.kind === 'revision' ? `exists (select from ${names.revision} where id = $3::bigint)` : 'true'} as point_exists,
       (select recorded_at from ${names.revision} order by id limit 1) as since
from (select) head
left join (
  objects o cross join bound
  left join lateral (${probe(`d.id, ${point.test} as ok`, 'and d.id <= bound.id', 'd.id desc')}) t on true
  left join lateral (${probe(`d.id, ${point.test} as ok`, 'and d.id > bound.id', 'd.id')}) n on true
  cross join lateral (${endOf(point, probe)}) e
  cross join lateral (${foldOf(names.delta)}) f
) on t.id is not null or n.id is not null`);
}

type Probe = (columns: string, where: string, order: string) => string;

/** One delta of the object `o`, by the index of objects. */
function probeOf({ delta, revision }: { delta: string; revision: string }, { kind }: PointCondition): Probe {
  const source = kind === 'date' ? `${delta} d join ${revision} r on r.id = d.revision_id` : `${delta} d`;
  return (columns, where, order) =>
    `select ${columns} from ${source} where ${OBJECT} ${where} order by ${order} limit 1`;
}

const OBJECT = 'd.object_type = o.type and d.object_id = o.object_id';
const END = '9223372036854775807';

/** `bound`: a delta id with the point between it and the next one. */
function boundOf(delta: string, point: PointCondition, probe: Probe): string {
  if (point.kind === 'latest') return `bound as (select ${END}::bigint as id where $3::text is null)`;
  const first = probe(`d.id, ${point.test} as ok`, 'd.id >= h.middle and d.id < h.high', 'd.id').replace(OBJECT, '');
  return `halves(low, high) as (
  select 0::bigint, coalesce((select id from ${delta} order by id desc limit 1), 0) + 1
  union all
  select case when p.ok then p.id else h.low end, case when p.ok then h.high else h.middle end
  from (select low, high, (low + high) / 2 as middle from halves where high - low > 1) h
  left join lateral (${first}) p on true
), bound as (select max(low) as id from halves)`;
}

function objectsOf(delta: string, source: ObjectSource): string {
  if (source === 'ids') {
    return 'select type, object_id from unnest($1::text[]) type cross join unnest($2::text[]) object_id';
  }
  const next = (after: string) => `
    select d.object_type, d.object_id from ${delta} d where ${after} order by d.object_type, d.object_id limit 1`;
  return `
  with recursive found(type, object_id) as (
    select first.* from unnest($1::text[]) type cross join lateral (${next('d.object_type = type')}) first
    union all
    select next.* from found cross join lateral (
      ${next('d.object_type = found.type and d.object_id > found.object_id')}
    ) next
  )
  select type, object_id from found where $2::text[] is null`;
}

/** `e`: the id up to which the object's deltas count, and whether any follow. */
function endOf({ kind, test }: PointCondition, probe: Probe): string {
  if (kind === 'latest') return 'select bound.id, true as is_last';
  const past = `and d.id > n.id and not (${test})`;
  return `
    select case when t.ok is false then coalesce((${probe('d.id', `and d.id < t.id and ${test}`, 'd.id desc')}), 0)
                when n.ok then coalesce((${probe('d.id - 1', past, 'd.id')}), ${END})
                else bound.id end as id,
           case when t.ok is false then false
                when n.ok then not exists (${probe('', past, 'd.id')})
                else n.id is null end as is_last`;
}

/** `f`: the last delta that counts, and the state that it left, in parts. */
function foldOf(delta: string): string {
  const base = `
      select d.id from ${delta} d
      where ${OBJECT} and d.id <= e.id and (d.state is not null or d.action <> 'update') order by d.id desc limit 1`;
  return `
    select max(b.id) as id, max(b.version) as version, (array_agg(b.action))[count(*)] as action,
           (array_agg(b.revision_id))[count(*)] as revision_id, json_agg(b.part) as parts
    from (
      select d.id, d.version, d.action, d.revision_id, coalesce(d.state, d.new_values, d.old_values) as part
      from ${delta} d where ${OBJECT} and d.id <= e.id and d.id >= coalesce((${base}), 0) order by d.id
    ) b`;
}
