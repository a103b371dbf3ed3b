import type { EntityManager } from '@mikro-orm/core';
import { statement } from '../database/statement.js';
import { query } from '../history/query.js';
import type { Target } from '../history/target.js';
import { quoted } from '../model/tables.js';
import { runtimeOf } from '../runtime.js';

interface Step {
  readonly id: number;
  readonly revision: number;
  readonly reverts: readonly number[];
  /** What kind of revert made it, if one did. */
  readonly kind: string | null;
}

/** The delta that undo would take back, and the one that redo would. */
export interface Steps {
  readonly undo: number | undefined;
  readonly redo: number | undefined;
}

/** Walks through an object's life as an editor does through its history of changes. One SELECT. */
export async function readSteps(em: EntityManager, target: Target): Promise<Steps> {
  const done: Step[] = [];
  const undone: Step[] = [];
  const takenBack = new Map<number, Step>();
  for (const step of await stepsOf(em, target)) {
    const last = done.at(-1);
    const again = takenBack.get(step.reverts[0] ?? 0);
    if (step.kind === 'undo' && last && step.reverts.includes(last.revision)) {
      takenBack.set(step.revision, done.pop()!);
      undone.push(step);
    } else if (step.kind === 'redo' && again) {
      done.push(again);
      undone.pop();
    } else {
      done.push(step);
      undone.length = 0;
    }
  }
  return { undo: done.at(-1)?.id, redo: undone.at(-1)?.id };
}

async function stepsOf(em: EntityManager, { type, objectId }: Target): Promise<Step[]> {
  const { tables } = runtimeOf(em);
  const select = statement(`
select d.id, d.revision_id as revision, r.reverts, r.metadata ->> 'revert' as kind
from ${quoted(tables, 'objectDelta')} d join ${quoted(tables, 'revision')} r on r.id = d.revision_id
where d.object_type = $1 and d.object_id = $2 order by d.id`);
  type Row = {
    readonly id: string;
    readonly revision: string;
    readonly reverts: string | null;
    readonly kind: string | null;
  };
  const rows = await query<Row>(em, select, [type, objectId]);
  return rows.map(({ id, revision, reverts, kind }) => ({
    id: Number(id),
    revision: Number(revision),
    reverts: reverts === null ? [] : [Number(reverts)],
    kind,
  }));
}

/** The last time that an object was deleted. One SELECT. */
export async function lastDeletion(
  em: EntityManager,
  { type, objectId }: Target,
): Promise<{ readonly id: number; readonly revision: number } | undefined> {
  const select = statement(`
select id, revision_id as revision from ${quoted(runtimeOf(em).tables, 'objectDelta')}
where object_type = $1 and object_id = $2 and action = 'delete' order by id desc limit 1`);
  const [row] = await query<{ id: string; revision: string }>(em, select, [type, objectId]);
  return row && { id: Number(row.id), revision: Number(row.revision) };
}
