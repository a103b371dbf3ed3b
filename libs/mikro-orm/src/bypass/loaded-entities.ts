import type { EntityManager } from '@mikro-orm/core';
import type { Change } from '../capture/change.js';
import type { TrackedEntities, TrackedEntity } from '../tracking/tracked-entities.js';

/** The entities that an entity manager has loaded of the objects that were changed past it. */
export function loadedEntities(em: EntityManager, changes: readonly Change[], entities: TrackedEntities): object[] {
  const found: object[] = [];
  for (const [type, ofType] of Map.groupBy(changes, change => change.type)) {
    const tracked = entities.ofType(type)!;
    const store = em.getUnitOfWork(false).getIdentityMap().getStore(tracked.meta.root) as Map<string, object>;
    const ids = ofType.filter(({ action }) => action !== 'create').map(({ objectId }) => objectId);
    if (store.size > 0 && ids.length > 0) found.push(...loadedOf(em, tracked, ids, store));
  }
  return found;
}

/** Looked for from the smaller side: few rows among many loaded entities, or many rows and few entities. */
function loadedOf(
  em: EntityManager,
  tracked: TrackedEntity,
  ids: readonly string[],
  store: ReadonlyMap<string, object>,
): object[] {
  if (ids.length < store.size) {
    const keyed = ids.map(id =>
      em.getUnitOfWork(false).getById(tracked.meta.class, tracked.key(id) as never, undefined, true),
    );
    return keyed.filter(entity => entity !== undefined) as object[];
  }
  const wanted = new Set(ids);
  return [...store.values()].filter(
    entity => entity instanceof tracked.meta.class && wanted.has(tracked.objectId(entity)),
  );
}
