import type { EntityManager, EntityProperty } from '@mikro-orm/core';
import type { PointCondition } from '../history/point.js';
import { queryPrimary } from '../history/query.js';
import type { Target } from '../history/target.js';
import { runtimeOf } from '../runtime.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { ObjectState } from './complete-states.js';
import type { IdsByObject } from './links.js';
import { readLiveReferring } from '../live/live-rows.js';
import { readStates } from './read-states.js';
import { storedReference } from './relation-key.js';
import { type CandidateRow, deletedStatement, departedStatement } from './to-many.query.js';

/** A to-one relation, seen from what it refers to. */
export interface ChildRelation {
  readonly child: TrackedEntity;
  /** The child's property. */
  readonly prop: EntityProperty;
  /** The stored form of a reference to each parent. */
  readonly references: ReadonlyMap<string, Target>;
}

export interface Children {
  /** By the object id of the parent. */
  readonly ids: IdsByObject;
  readonly states: ReadonlyMap<string, ObjectState>;
}

/**
 * The objects that referred to some others at a point. They refer to them now, or a later delta says that they did; so
 * one SELECT reads the present rows and one the deltas since, and the rest is what reading so many objects costs.
 */
export async function childrenOf(em: EntityManager, relation: ChildRelation, point: PointCondition): Promise<Children> {
  const { child, prop, references } = relation;
  const candidates = new Set(await readLiveReferring(em, child, prop, [...references.values()]));
  for (const id of await departed(em, relation, point)) candidates.add(id);
  const states = await readStates(em, child, point, [...candidates]);
  const ids: IdsByObject = new Map([...references.values()].map(({ objectId }) => [objectId, new Set()]));
  for (const state of states.values()) {
    const stored = state.isDeleted ? undefined : storedReference(state, prop);
    const parent = references.get(JSON.stringify(stored));
    if (parent) ids.get(parent.objectId)!.add(state.objectId);
  }
  return { ids, states };
}

async function departed(
  em: EntityManager,
  { child, prop, references }: ChildRelation,
  point: PointCondition,
): Promise<string[]> {
  const { tables } = runtimeOf(em);
  const types = runtimeOf(em)
    .entities.hierarchyOf(child)
    .flatMap(one => (one.isTracked ? [one.typeIn(em.schema)] : []));
  if (types.length === 0 || point.kind === 'latest') return [];
  const rows = prop.primary
    ? await queryPrimary<CandidateRow>(em, deletedStatement(tables, point), [types, null, point.value])
    : await queryPrimary<CandidateRow>(em, departedStatement(tables, point), [
        types,
        child.names.of(prop.name),
        point.value,
        [...references.keys()],
      ]);
  return rows.map(({ object_id: id }) => id);
}
