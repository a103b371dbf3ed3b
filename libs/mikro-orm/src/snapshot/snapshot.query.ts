import { statement, type Statement } from '../database/statement.js';
import type { PointCondition } from '../history/point.js';
import type { ObjectAction } from '../model/action.js';
import type { JsonRecord } from '../model/json.js';
import { quoted, revisionJson, type TableNames } from '../model/tables.js';

/** The one row that {@link snapshotStatement} returns. */
export interface SnapshotRow {
  /** The delta that made the state; `null` if the object has none up to the point. */
  readonly id: string | null;
  readonly version: number | null;
  readonly action: ObjectAction | null;
  /** The row of its revision as JSON. */
  readonly revision: Record<string, unknown> | null;
  /** Attributes as they were; of a deleted object as it last was. */
  readonly state: JsonRecord | null;
  readonly last_id: string | null;
  readonly last_version: number | null;
  readonly first_action: ObjectAction | null;
  /** Whether the revision that the point names exists. */
  readonly point_exists: boolean;
  /** When the first revision was recorded. */
  readonly since: string | null;
}

/**
 * Rebuilds one object at a point: finds the last delta up to it, then folds what came since the nearest keyframe.
 *
 * `search` halves the id range between the object's first and last delta until it has the point; it runs only if the
 * point lies before the last delta, and takes some twenty index probes at a million deltas. Reading on from either
 * end would take as long as the history is.
 */
export function snapshotStatement(tables: TableNames, point: PointCondition): Statement {
  const delta = quoted(tables, 'objectDelta');
  const revision = quoted(tables, 'revision');
  return statement(`
with recursive ${targetOf(delta, revision, point)}, ${stateOf(delta)}
select target.id, target.version, target.action, ${revisionJson(tables)} as revision,
       case when target.action = 'delete' then target.old_values else state.values end as state,
       last.id as last_id, last.version as last_version, first.action as first_action,
       ${existence(revision, point)} as point_exists,
       (select recorded_at from ${revision} order by id limit 1) as since
from state
left join target on true
left join last on true
left join first on true
left join ${revision} r on r.id = target.revision_id`);
}

/** `target`: the last delta up to the point. */
export function targetOf(delta: string, revision: string, point: PointCondition): string {
  const source = point.kind === 'date' ? `${delta} d join ${revision} r on r.id = d.revision_id` : `${delta} d`;
  const probe = (where: string) => `
    select d.id, d.version, d.action, ${point.test} as ok from ${source} where ${where}`;
  return `last as (${probe(OBJECT)} order by d.id desc limit 1
), first as (${probe(OBJECT)} order by d.id limit 1
), search(low, high) as (
  select first.id, last.id from first, last where first.ok and not last.ok
  union all
  select case when probe.ok then probe.id else low end, case when probe.ok then high else probe.id end
  from search cross join lateral (
    (${probe(between('low + 1', '(low + high) / 2'))} order by d.id desc limit 1)
    union all
    (${probe(between('(low + high) / 2 + 1', 'high - 1'))} order by d.id limit 1)
    limit 1
  ) probe
), target as (
  select d.* from ${delta} d
  where d.id = coalesce((select id from last where ok), (select max(low) from search))
)`;
}

/** `state`: what the deltas from the nearest keyframe up to the target add up to. */
function stateOf(delta: string): string {
  return `base as (
  select d.id from ${delta} d
  where ${between('0', '(select id from target)')} and (d.state is not null or d.action <> 'update')
  order by d.id desc limit 1
), state as (
  select jsonb_object_agg(e.key, e.value order by d.id) as values
  from ${delta} d, jsonb_each(coalesce(d.state, d.new_values)) e
  where ${between('coalesce((select id from base), 0)', '(select id from target)')}
    and (select action from target) <> 'delete'
)`;
}

/**
 * Equality on the object with a range of ids: all of it bounds the index of objects. Row comparison was tried, to keep
 * the planner from the primary key where an object is frequent, and took ten times as long.
 */
function between(low: string, high: string): string {
  return `${OBJECT} and d.id >= ${low} and d.id <= ${high}`;
}

const OBJECT = 'd.object_type = $1 and d.object_id = $2';

function existence(revision: string, { kind }: PointCondition): string {
  return kind === 'revision' ? `exists (select from ${revision} where id = $3::bigint)` : 'true';
}
