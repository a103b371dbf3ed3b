import { statement, type Statement } from '../database/statement.js';
import type { PointCondition } from '../history/point.js';
import type { ObjectAction } from '../model/action.js';
import { quoted, revisionJson, type TableNames } from '../model/tables.js';
import { targetOf } from '../snapshot/snapshot.query.js';

/** A delta of an object as the version that it made. */
export interface VersionRow {
  readonly id: string;
  readonly version: number;
  readonly action: ObjectAction;
  readonly actor_type: string | null;
  readonly actor_id: string | null;
  /** Names of the attributes that it changed, as they were recorded. */
  readonly changed: string[];
  readonly recorded_at: Date | string;
  /** The object delta's own, else the revision's. */
  readonly description: string | null;
  /** The row of its revision as JSON. */
  readonly revision: Record<string, unknown>;
  /** The latest time of the versions right before the first of these rows; `null` if there are none. */
  readonly floor: Date | string | null;
}

/** The one row, at least, that {@link versionAtStatement} returns; its version is null where the object had none. */
export type VersionAtRow = { readonly [Key in keyof VersionRow]: VersionRow[Key] | null } & {
  /** The delta that made the version at the point. */
  readonly target: string | null;
  readonly point_exists: boolean;
  readonly last_version: number | null;
};

/**
 * Versions of one object in ascending order: those asked for, and what it takes to tell how long they were valid. As
 * many index entries are read as there are rows, wherever in the history they lie.
 *
 * Parameters: type, object id, id of the delta to go on behind or null, how many or null for all.
 */
export function versionsStatement(tables: TableNames, order: 'asc' | 'desc'): Statement {
  const delta = quoted(tables, 'objectDelta');
  const behind = order === 'asc' ? 'd.id > coalesce($3::bigint, 0)' : `d.id < coalesce($3::bigint, ${GREATEST_ID})`;
  const page = `(select d.* from ${delta} d where ${OBJECT} and ${behind} order by d.id ${order} limit $4::bigint + 1)`;
  const next = `(select d.* from ${delta} d where ${OBJECT} and d.id >= $3::bigint order by d.id limit 1)`;
  return statement(`
with rows as (${order === 'asc' ? page : `${page} union all ${next}`})
${versionsOf(tables)}
order by d.id`);
}

/** The version that an object had at a point, between its neighbours. Parameters: type, object id, the point. */
export function versionAtStatement(tables: TableNames, point: PointCondition): Statement {
  const delta = quoted(tables, 'objectDelta');
  const revision = quoted(tables, 'revision');
  const at = '(select id from target)';
  return statement(`
with recursive ${targetOf(delta, revision, point)}, rows as (
  (select d.* from ${delta} d where ${OBJECT} and d.id <= ${at} order by d.id desc limit 2)
  union all
  (select d.* from ${delta} d where ${OBJECT} and d.id > ${at} order by d.id limit 1)
)
select version.*, ${at} as target, (select version from last) as last_version,
       ${point.kind === 'revision' ? `exists (select from ${revision} where id = $3::bigint)` : 'true'} as point_exists
from (select) one left join (${versionsOf(tables)}) version on true
order by version.id`);
}

/**
 * A version is valid from the time of its revision on, but never from before the version before it: a revision that
 * several transactions share has the time of the first one. `floor` looks as far back as such versions are expected to
 * follow each other.
 */
function versionsOf(tables: TableNames): string {
  const revision = quoted(tables, 'revision');
  return `select d.id, d.version, d.action, d.actor_type, d.actor_id, ${revisionJson(tables)} as revision,
       r.recorded_at, coalesce(d.description, r.description) as description,
       array(select e.key from jsonb_each(coalesce(d.new_values, d.old_values)) e
             where d.action = 'update' or e.value <> 'null') as changed,
       (select max(f.recorded_at)
        from (select d.revision_id from ${quoted(tables, 'objectDelta')} d
              where ${OBJECT} and d.id < (select min(id) from rows) order by d.id desc limit ${LOOKED_BACK}) earlier
        join ${revision} f on f.id = earlier.revision_id) as floor
from rows d join ${revision} r on r.id = d.revision_id`;
}

const OBJECT = 'd.object_type = $1 and d.object_id = $2';
const GREATEST_ID = '9223372036854775807';
const LOOKED_BACK = 64;
