import type { EntityManager } from '@mikro-orm/core';
import { statement } from '../database/statement.js';
import { query } from '../history/query.js';
import type { ObjectAction } from '../model/action.js';
import type { JsonRecord } from '../model/json.js';
import { quoted } from '../model/tables.js';
import { runtimeOf } from '../runtime.js';
import type { AttributeNames } from '../tracking/former-names.js';

/** One delta of an object that is to be put back: one to undo, or one that came after it. */
export interface TimelineEntry {
  readonly id: number;
  readonly type: string;
  readonly objectId: string;
  readonly action: ObjectAction;
  readonly oldValues: JsonRecord | null;
  readonly newValues: JsonRecord | null;
  readonly revision: number;
  /** The revisions that its revision reverted. */
  readonly reverts: readonly number[];
  /** Whether it is to be undone. */
  readonly isSelected: boolean;
}

/** The deltas of each object from the first that is to be undone, oldest first; keys are type and object id. */
export type Timelines = ReadonlyMap<string, readonly TimelineEntry[]>;

interface TimelineRow extends Omit<TimelineEntry, 'id' | 'revision' | 'reverts' | 'isSelected'> {
  readonly id: string;
  readonly revision: string;
  readonly reverts: string | null;
  readonly several: readonly number[] | null;
}

/** Reads what happened to objects since the first of the deltas to undo. One SELECT, by the index of objects. */
export async function readTimelines(em: EntityManager, deltas: readonly number[]): Promise<Timelines> {
  const { tables, entities } = runtimeOf(em);
  const select = statement(`
with selected as (
  select object_type, object_id, min(id) as first
  from ${quoted(tables, 'objectDelta')} where id = any($1::bigint[]) group by 1, 2
)
select d.id, d.object_type as type, d.object_id as "objectId", d.action, d.old_values as "oldValues",
       d.new_values as "newValues", d.revision_id as revision, r.reverts, r.metadata -> 'reverts' as several
from selected s
join lateral (
  select * from ${quoted(tables, 'objectDelta')} d
  where d.object_type = s.object_type and d.object_id = s.object_id and d.id >= s.first
) d on true
join ${quoted(tables, 'revision')} r on r.id = d.revision_id
order by d.id`);
  const selected = new Set(deltas);
  const timelines = new Map<string, TimelineEntry[]>();
  for (const row of await query<TimelineRow>(em, select, [deltas])) {
    const entry = entryOf(row, selected, entities.ofType(row.type)?.names);
    const key = objectKey(entry.type, entry.objectId);
    const timeline = timelines.get(key);
    if (timeline) timeline.push(entry);
    else timelines.set(key, [entry]);
  }
  return timelines;
}

export function objectKey(type: string, objectId: string): string {
  return `${type}\0${objectId}`;
}

function entryOf(
  { several, ...row }: TimelineRow,
  selected: ReadonlySet<number>,
  names: AttributeNames | undefined,
): TimelineEntry {
  const id = Number(row.id);
  const reverts = Array.isArray(several) ? several : row.reverts === null ? [] : [Number(row.reverts)];
  const present = (values: JsonRecord | null) => values && (names?.toPresent(values) ?? values);
  const [oldValues, newValues] = [present(row.oldValues), present(row.newValues)];
  return { ...row, id, oldValues, newValues, revision: Number(row.revision), reverts, isSelected: selected.has(id) };
}
