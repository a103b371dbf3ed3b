import { raw } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { ObjectDelta, type ObjectAction } from '@revy/mikro-orm';

/** How many objects of one type a revision names in the feed. */
const NAMED = 3;

/** One object that a revision changed, and which attributes. */
export interface ChangedObject {
  readonly objectId: string;
  readonly attributes: readonly string[];
}

/** What a revision did to objects of one type: how many there are, and the first of them. */
export interface ChangeSummary {
  readonly objectType: string;
  readonly action: ObjectAction;
  readonly count: number;
  readonly objects: readonly ChangedObject[];
}

interface Group {
  readonly revision: string;
  readonly type: string;
  readonly action: ObjectAction;
  readonly count: string;
  readonly first: readonly string[];
}

interface Named {
  readonly id: string;
  readonly object: string;
  readonly attributes: readonly string[];
}

/** Every object that summaries name. */
export function namedIn(summaries: ReadonlyMap<number, readonly ChangeSummary[]>) {
  return [...summaries.values()]
    .flat()
    .flatMap(({ objectType, objects }) => objects.map(({ objectId }) => ({ objectType, objectId })));
}

/** What each of some revisions did, in order, by id of the revision. Two SELECTs; values are not read. */
export async function changeSummaries(
  em: SqlEntityManager,
  revisions: readonly number[],
): Promise<ReadonlyMap<number, readonly ChangeSummary[]>> {
  if (revisions.length === 0) return new Map();
  const groups = await groupsOf(em, revisions);
  const named = await namedObjects(
    em,
    groups.flatMap(({ first }) => first),
  );
  const summaries = new Map<number, ChangeSummary[]>();
  for (const { revision, type, action, count, first } of groups) {
    const objects = first.flatMap(id => named.get(id) ?? []);
    const summary = { objectType: type, action, count: Number(count), objects };
    summaries.set(Number(revision), [...(summaries.get(Number(revision)) ?? []), summary]);
  }
  return summaries;
}

function groupsOf(em: SqlEntityManager, revisions: readonly number[]): Promise<Group[]> {
  return em
    .createQueryBuilder(ObjectDelta, 'd')
    .select([
      raw('d.revision_id::text as revision'),
      raw('d.object_type as type'),
      raw('d.action as action'),
      raw('count(*)::text as count'),
      raw(`array_to_json((array_agg(d.id::text order by d.id))[1:${NAMED}]) as first`),
    ])
    .where({ revision: { $in: [...revisions] } })
    .groupBy(raw('d.revision_id, d.object_type, d.action') as never)
    .orderBy({ [raw('min(d.id)')]: 'asc' })
    .execute<Group[]>('all', false);
}

async function namedObjects(em: SqlEntityManager, ids: readonly string[]): Promise<Map<string, ChangedObject>> {
  const rows = await em
    .createQueryBuilder(ObjectDelta, 'd')
    .select([
      raw('d.id::text as id'),
      raw('d.object_id as object'),
      raw('array_to_json(array(select jsonb_object_keys(coalesce(d.new_values, d.old_values)))) as attributes'),
    ])
    .where({ id: { $in: ids.map(Number) } })
    .execute<Named[]>('all', false);
  return new Map(rows.map(({ id, object, attributes }) => [id, { objectId: object, attributes }]));
}
