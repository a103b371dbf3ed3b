import { type EntityManager, type EntityName, helper, Utils } from '@mikro-orm/core';
import { UntrackedEntityError } from '../../revy.errors.js';
import { runtimeOf } from '../../runtime.js';
import type { TrackedEntity } from '../../tracking/tracked-entities.js';
import { familyOf } from '../concrete-target.js';
import { UnusableFilterError } from '../history.errors.js';
import { targetOf, trackedOf } from '../target.js';
import type { ObjectFilter } from './history-filter.js';

/** Objects of one class: those with these ids, or all. */
export interface ObjectsOfClass {
  readonly tracked: TrackedEntity;
  /** The stored type. */
  readonly type: string;
  readonly objectIds: ReadonlySet<string> | 'all';
}

/**
 * The objects that a filter names, by class; `undefined` if it names none, and all are meant.
 *
 * @throws {UntrackedEntityError} if a class is not tracked
 * @throws {UnusableKeyError} if a key does not fit the class
 * @throws {UnusableFilterError} if keys are given without the one class that they belong to
 */
export function searchedObjects<T extends object>(
  em: EntityManager,
  { type, keys, objects }: ObjectFilter<T>,
): ObjectsOfClass[] | undefined {
  const types = type === undefined ? [] : Array.isArray(type) ? (type as EntityName<T>[]) : [type as EntityName<T>];
  if (keys && types.length !== 1) throw new UnusableFilterError('keys', keys, 'it with one class as "type"');
  if (types.length === 0 && !objects) return undefined;
  const found = new Map<string, ObjectsOfClass>();
  for (const name of types) {
    const objectIds = keys ? new Set(keys.map(key => targetOf(em, name, key).objectId)) : 'all';
    for (const tracked of familyOf(em, trackedOf(em, name))) {
      const type = tracked.typeIn(em.schema);
      found.set(type, { tracked, type, objectIds });
    }
  }
  for (const object of objects ?? []) {
    for (const tracked of familyOf(em, classOf(em, object))) {
      const type = tracked.typeOf(object);
      const ids = found.get(type)?.objectIds ?? [];
      if (ids !== 'all') found.set(type, { tracked, type, objectIds: new Set([...ids, tracked.objectId(object)]) });
    }
  }
  return [...found.values()];
}

function classOf(em: EntityManager, object: object): TrackedEntity {
  const meta = Utils.isEntity(object, true) ? helper(object).__meta : undefined;
  const tracked = meta && runtimeOf(em).entities.tracked(meta.class);
  if (!tracked) throw new UntrackedEntityError(meta?.className ?? object.constructor.name);
  return tracked;
}
