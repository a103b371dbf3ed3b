import { type EntityManager, helper } from '@mikro-orm/core';
import { liveContext } from '../database/live-context.js';
import type { PointCondition } from '../history/point.js';
import { query } from '../history/query.js';
import type { Target } from '../history/target.js';
import type { JsonRecord } from '../model/json.js';
import { UnknownRevisionError } from '../history/point.errors.js';
import { runtimeOf } from '../runtime.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { completeStates, type FoundState, type ObjectState } from './complete-states.js';
import { keysCondition, readLiveIds } from '../live/live-rows.js';
import { type StateRow, statesStatement } from './states.query.js';

/**
 * Objects as they were at a point, by object id; those that did not exist then are absent. Of an untracked class, as
 * they are now.
 *
 * One SELECT, however many objects and deltas there are. Objects that are older than their history take two more for
 * all of them, and one more where others inherit from their class in the database.
 *
 * @param objectIds without them, all objects of the class
 */
export async function readStates(
  em: EntityManager,
  entity: TrackedEntity,
  point: PointCondition,
  objectIds?: readonly string[],
): Promise<Map<string, ObjectState>> {
  if (objectIds?.length === 0) return new Map();
  const classes = runtimeOf(em).entities.hierarchyOf(entity);
  const rows = await recordedStates(
    em,
    classes.filter(({ isTracked }) => isTracked),
    point,
    objectIds,
  );
  const found = foundStates(em, rows, classes);
  const without = (objectIds ?? (await readLiveIds(em, entity))).filter(id => !found.has(id));
  for (const target of await liveTargets(em, entity, classes, without)) found.set(target.objectId, untouched(target));
  return completeStates(em, [...found.values()], { condition: point, since: rows[0]?.since ?? null });
}

async function recordedStates(
  em: EntityManager,
  classes: readonly TrackedEntity[],
  point: PointCondition,
  objectIds: readonly string[] | undefined,
): Promise<StateRow[]> {
  if (classes.length === 0) return [];
  const types = classes.map(one => one.typeIn(em.schema));
  const statement = statesStatement(runtimeOf(em).tables, point, objectIds ? 'ids' : 'all');
  const rows = await query<StateRow>(em, statement, [types, objectIds ?? null, point.value]);
  if (!rows[0]!.point_exists) throw new UnknownRevisionError(point.value);
  return rows;
}

/** An object that changed its class in the meantime is of the one that it was recorded under last before the point. */
function foundStates(
  em: EntityManager,
  rows: readonly StateRow[],
  classes: readonly TrackedEntity[],
): Map<string, FoundState> {
  const byType = new Map(classes.map(one => [one.typeIn(em.schema), one]));
  const found = new Map<string, FoundState>();
  for (const row of rows) {
    const { type, object_id: objectId } = row;
    if (type === null || objectId === null) continue;
    const state = foundState({ tracked: byType.get(type)!, type, objectId }, row);
    const other = found.get(objectId);
    if (!other || Number(state.delta ?? -1) > Number(other.delta ?? -1)) found.set(objectId, state);
  }
  return found;
}

function foundState(target: Target, row: StateRow): FoundState {
  return {
    target,
    delta: row.id,
    version: row.version ?? 0,
    action: row.action,
    revision: row.revision_id === null ? null : Number(row.revision_id),
    firstAction: row.first_action,
    isLast: row.is_last === true,
    values: target.tracked.names.toPresent(merged(row.parts ?? [])),
  };
}

function merged(parts: readonly JsonRecord[]): JsonRecord {
  return parts.length === 1 ? parts[0]! : Object.assign({}, ...parts);
}

function untouched(target: Target): FoundState {
  const nothing = { delta: null, version: 0, action: null, revision: null, firstAction: null, values: {} };
  return { target, ...nothing, isLast: true };
}

/** Objects without history, as what their rows are. */
async function liveTargets(
  em: EntityManager,
  entity: TrackedEntity,
  classes: readonly TrackedEntity[],
  objectIds: readonly string[],
): Promise<Target[]> {
  const target = (tracked: TrackedEntity, objectId: string) => ({ tracked, type: tracked.typeIn(em.schema), objectId });
  if (classes.length === 1 || objectIds.length === 0) return objectIds.map(id => target(entity, id));
  const reader = em.fork({ clear: true, keepTransactionContext: true });
  reader.setTransactionContext(liveContext(em.getTransactionContext() as object | undefined));
  const rows = await reader.find(entity.meta.class, keysCondition(entity, objectIds), { filters: false });
  return rows.flatMap(row => {
    const concrete = classes.find(({ meta }) => meta.class === helper(row as object).__meta.class);
    return concrete ? [target(concrete, concrete.objectId(row))] : [];
  });
}
