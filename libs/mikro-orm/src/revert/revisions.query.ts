import type { EntityManager } from '@mikro-orm/core';
import { statement } from '../database/statement.js';
import { query } from '../history/query.js';
import { quoted } from '../model/tables.js';
import { runtimeOf } from '../runtime.js';
import type { Obstacle } from './planned-draft.js';
import type { RevisionInTheWay } from './revert-plan.js';

/** Reads the revisions in the way, those that are not known yet. One SELECT, or none. */
export async function readRevisions(
  em: EntityManager,
  obstacles: readonly Obstacle[],
  known: Map<number, RevisionInTheWay>,
): Promise<void> {
  const ids = new Set(obstacles.map(({ revision }) => revision).filter(id => id !== undefined && !known.has(id)));
  if (ids.size === 0) return;
  const select = statement(`
select id, recorded_at as "recordedAt", description, actor_type as "actorType", actor_id as "actorId"
from ${quoted(runtimeOf(em).tables, 'revision')} where id = any($1::bigint[])`);
  for (const row of await query<RevisionInTheWay & { recordedAt: string }>(em, select, [[...ids]])) {
    const id = Number(row.id);
    known.set(id, { ...row, id, recordedAt: new Date(row.recordedAt) });
  }
}
