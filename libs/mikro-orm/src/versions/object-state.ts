import { type EntityManager, type EntityName, helper } from '@mikro-orm/core';
import type { ObjectPoint } from '../history/point.js';
import type { Target } from '../history/target.js';
import type { JsonRecord } from '../model/json.js';
import { hydrate } from '../snapshot/hydrate.js';
import { decodeState } from '../snapshot/known-state.js';
import type { Snapshot } from '../snapshot/snapshot.js';
import { SnapshotService } from '../snapshot/snapshot.service.js';

/** An object as it was at a point: typed, and in stored form as far as it is known. */
export interface ObjectState<T extends object> {
  readonly snapshot: Snapshot<T>;
  readonly values: JsonRecord;
}

type ComparedKey = Pick<Target, 'tracked' | 'objectId'>;

/** At most three SELECTs; see {@link SnapshotService.at}. */
export async function stateAt<T extends object>(
  em: EntityManager,
  { tracked, objectId }: ComparedKey,
  point: ObjectPoint | undefined,
): Promise<ObjectState<T> | null> {
  const entityClass = tracked.meta.class as EntityName<T>;
  const key = tracked.key(objectId) as never;
  const snapshot = await new SnapshotService(em).at<T>(entityClass, key, point, { includeDeleted: true });
  return snapshot && { snapshot, values: storedValues(em, { tracked, objectId }, snapshot) };
}

/** What the ORM would write of the object, encoded as its deltas are. */
function storedValues<T extends object>(
  em: EntityManager,
  { tracked }: ComparedKey,
  snapshot: Snapshot<T>,
): JsonRecord {
  const row = em.getComparator().getSnapshotGenerator(tracked.meta.class)(snapshot.entity as never);
  const values: JsonRecord = {};
  for (const { name, codec } of tracked.attributes.values()) {
    if (snapshot.unknown.includes(name)) continue;
    values[name] = codec.encode(name in row ? row[name as never] : snapshot.entity[name as never]);
  }
  return values;
}

/** A detached instance with these values, as far as they are known. */
export function instanceOf<T extends object>(
  em: EntityManager,
  { tracked, objectId }: ComparedKey,
  values: JsonRecord,
): T {
  return hydrate<T>(em, tracked, objectId, decodeState(tracked, values).data);
}

/** A detached reference that carries the key of an object, and nothing else of it. */
export function referenceTo(em: EntityManager, { tracked, objectId }: ComparedKey): object {
  const fork = em.fork({ clear: true, freshEventManager: false });
  const factory = fork.getEntityFactory();
  const key = tracked.keyData(objectId) as never;
  const reference = factory.create(tracked.meta.class, key, {
    merge: false,
    initialized: false,
    convertCustomTypes: true,
    schema: em.schema,
  });
  Object.assign(helper(reference as object), { __managed: false, __originalEntityData: undefined, __em: undefined });
  return reference as object;
}
