import type { EntityManager, ObjectQuery } from '@mikro-orm/core';
import type { Actor } from '../../context/actor.js';
import type { ObjectDelta } from '../../model/object-delta.entity.js';
import { Revision } from '../../model/revision.entity.js';
import { runtimeOf } from '../../runtime.js';
import { storedActor } from '../../tracking/stored-actor.js';
import { UnusableFilterError } from '../history.errors.js';
import { type AnyChanged, changedTest, refuseUnknownNames } from './changed-test.js';
import type { ChangeOfObject, DeltaFilter, ObjectFilter } from './history-filter.js';
import { recordedWhere } from './recorded-where.js';
import { asFilter, sql } from './sql.js';
import { type ObjectsOfClass, searchedObjects } from './searched-objects.js';
import { actorTest } from './step-test.js';

type Where = ObjectQuery<ObjectDelta>;

/** Conditions on deltas, all of which have to hold. */
export function deltaWhere<T extends object>(em: EntityManager, filter: DeltaFilter<T>): Where[] {
  const { description, involving, revision, where } = filter;
  return [
    ...changeWhere(em, filter),
    ...(filter.actor === undefined ? [] : [storedActor(filter.actor, runtimeOf(em).entities) as Where]),
    ...(description === undefined ? [] : [{ description } as Where]),
    ...(involving === undefined ? [] : [involvingWhere(em, involving)]),
    // a revision that was never written has no id, and no deltas
    ...(revision === undefined ? [] : [{ revision: revision instanceof Revision ? (revision.id ?? null) : revision }]),
    ...recordedWhere(filter).map(condition => ({ revision: condition }) as Where),
    ...(where === undefined ? [] : [where]),
  ] as Where[];
}

/** Conditions on a delta that say which object it changes, and how. */
export function changeWhere<T extends object>(
  em: EntityManager,
  { action, changed, ...filter }: ObjectFilter<T> & ChangeOfObject<T>,
): Where[] {
  const objects = searchedObjects(em, filter);
  return [
    ...(objects ? [objectsWhere(em, objects, changed as AnyChanged | undefined)] : []),
    ...(action === undefined ? [] : [{ action } as Where]),
    ...(changed !== undefined && !objects ? [refuseWithoutType(changed)] : []),
  ];
}

function refuseWithoutType(changed: unknown): never {
  throw new UnusableFilterError('changed', changed, 'it with "type" or "objects", whose attributes it names');
}

function objectsWhere(em: EntityManager, objects: readonly ObjectsOfClass[], changed: AnyChanged | undefined): Where {
  if (changed === undefined) return anyWhere(withSameIds(objects).map(([types, ids]) => objectWhere(types, ids)));
  const classes = objects.map(({ tracked }) => tracked);
  refuseUnknownNames(classes, changed);
  return anyWhere(
    objects.map(({ tracked, type, objectIds }) => ({
      $and: [
        objectWhere([type], objectIds),
        asFilter<ObjectDelta>(table => changedTest({ em, tracked, table }, changed)),
      ],
    })),
  );
}

/** A condition alone is easier for the planner than as the only one of alternatives. */
function anyWhere(alternatives: readonly object[]): Where {
  return (alternatives.length === 1 ? alternatives[0] : { $or: alternatives }) as Where;
}

/** Classes of one family are asked for the same ids, at once. */
function withSameIds(objects: readonly ObjectsOfClass[]): (readonly [types: string[], ObjectsOfClass['objectIds']])[] {
  const groups = new Map<string, readonly [string[], ObjectsOfClass['objectIds']]>();
  for (const { type, objectIds } of objects) {
    const key = objectIds === 'all' ? 'all' : JSON.stringify([...objectIds]);
    const group = groups.get(key) ?? [[], objectIds];
    group[0].push(type);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function objectWhere(types: readonly string[], objectIds: ObjectsOfClass['objectIds']): object {
  return {
    objectType: types.length === 1 ? types[0] : { $in: types },
    ...(objectIds !== 'all' && { objectId: objectIds.size === 1 ? [...objectIds][0] : { $in: [...objectIds] } }),
  };
}

/** Whoever made the delta, or set an attribute in it: `case` keeps the subquery from running for what one actor did. */
export function involvingWhere(em: EntityManager, actor: Actor): Where {
  return asFilter<ObjectDelta>(table => {
    const own = { actorType: sql`${table}.actor_type`, actorId: sql`${table}.actor_id` };
    const step = { actorType: sql`s.step ->> 'actorType'`, actorId: sql`s.step ->> 'actorId'` };
    return sql`(${actorTest(em, own, actor)} or case when ${table}.attributions is null then false else exists (
      select from jsonb_each(${table}.attributions) a, jsonb_array_elements(a.value) s(step)
      where ${actorTest(em, step, actor)}) end)`;
  });
}
