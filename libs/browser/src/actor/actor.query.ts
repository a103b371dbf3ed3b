import { raw } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { ObjectDelta, type ObjectAction } from '@revy/mikro-orm';
import type { WhoDidIt } from '../wording/words.js';

/** How often somebody did something to objects of one type. */
export interface DoneCount {
  readonly objectType: string;
  readonly counts: Readonly<Partial<Record<ObjectAction, number>>>;
}

interface Row {
  readonly type: string;
  readonly action: ObjectAction;
  readonly count: string;
}

/** What somebody did to objects, by type. One SELECT. */
export async function doneCounts(em: SqlEntityManager, { actorType, actorId }: WhoDidIt): Promise<DoneCount[]> {
  const rows = await em
    .createQueryBuilder(ObjectDelta, 'd')
    .select([raw('d.object_type as type'), raw('d.action as action'), raw('count(*)::text as count')])
    .where({ actorType, actorId })
    .groupBy(raw('d.object_type, d.action') as never)
    .orderBy({ [raw('d.object_type')]: 'asc' })
    .execute<Row[]>('all', false);
  const counts = new Map<string, Partial<Record<ObjectAction, number>>>();
  for (const { type, action, count } of rows) counts.set(type, { ...counts.get(type), [action]: Number(count) });
  return [...counts].map(([objectType, found]) => ({ objectType, counts: found }));
}
