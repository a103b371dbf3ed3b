import type { Dictionary, EntityManager } from '@mikro-orm/core';
import { liveContext } from '../database/live-context.js';
import { statement } from '../database/statement.js';
import { quoted } from '../model/tables.js';
import { runtimeOf } from '../runtime.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { query } from './query.js';
import type { Target } from './target.js';

/**
 * An object is recorded under its own class, and may be asked for by a class that it inherits from in the database.
 *
 * Costs nothing where no class inherits from the one asked for; else one SELECT, and for an object without
 * history, of which only the row can tell the class, one for each class below.
 */
export async function concreteTarget(em: EntityManager, target: Target): Promise<Target> {
  const heirs = heirsOf(em, target.tracked);
  if (heirs.length === 0) return target;
  const tracked = (await recordedClass(em, target, heirs)) ?? (await liveClass(em, target));
  return tracked ? { ...target, tracked, type: tracked.typeIn(em.schema) } : target;
}

/** A class and those that inherit from it in the database: an object of the first may be recorded under any of them. */
export function familyOf(em: EntityManager, tracked: TrackedEntity): TrackedEntity[] {
  return [tracked, ...heirsOf(em, tracked)];
}

function heirsOf(em: EntityManager, tracked: TrackedEntity): TrackedEntity[] {
  return runtimeOf(em)
    .entities.heirs(tracked)
    .filter(heir => heir.isTracked);
}

async function recordedClass(
  em: EntityManager,
  { tracked, objectId }: Target,
  heirs: readonly TrackedEntity[],
): Promise<TrackedEntity | undefined> {
  const { entities, tables } = runtimeOf(em);
  const select = statement(`
select object_type as type from ${quoted(tables, 'objectDelta')}
where object_type = any($1::text[]) and object_id = $2 order by id desc limit 1`);
  const types = [tracked, ...heirs].map(one => one.typeIn(em.schema));
  const [row] = await query<{ type: string }>(em, select, [types, objectId]);
  return row && entities.ofType(row.type);
}

async function liveClass(em: EntityManager, { tracked, objectId }: Target): Promise<TrackedEntity | undefined> {
  const where = tracked.keyData(objectId) as Dictionary;
  const ctx = liveContext(em.getTransactionContext() as object | undefined);
  const options = { ctx, schema: em.schema, fields: tracked.meta.primaryKeys } as Dictionary;
  // MikroORM 7.2 itself tells the class by the root only, where each class has a table
  for (const heir of runtimeOf(em).entities.heirs(tracked)) {
    if (await em.getDriver().findOne(heir.meta.class, where, options)) return heir.isTracked ? heir : undefined;
  }
  return undefined;
}
