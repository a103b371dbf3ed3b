import type { Change } from '../capture/change.js';
import { keyInDatabase } from '../capture/row-data.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { DriverRun } from './native-call.js';

/** The entities that an entity manager has loaded of the objects that were changed past it. */
export function loadedEntities(run: DriverRun, changes: readonly Change[]): object[] {
  const found: object[] = [];
  for (const [type, ofType] of Map.groupBy(changes, change => change.type)) {
    const tracked = run.entities.ofType(type)!;
    const ids = ofType.filter(({ action }) => action !== 'create').map(({ objectId }) => objectId);
    if (ids.length > 0) found.push(...loadedOf(run, tracked, ids));
  }
  return found;
}

/** Looked for from the smaller side: few rows among many loaded entities, or many rows and few entities. */
function loadedOf({ call, driver, options }: DriverRun, tracked: TrackedEntity, ids: readonly string[]): object[] {
  const uow = call.em.getUnitOfWork(false);
  const { meta } = tracked;
  const store = uow.getIdentityMap().getStore(meta.root) as Map<string, object>;
  if (ids.length < store.size) {
    const schema = meta.schema === '*' ? driver.getSchemaName(meta, options) : undefined;
    return ids.flatMap(id => (uow.getById(meta.class, tracked.key(id) as never, schema, true) as object | null) ?? []);
  }
  const wanted = new Set(ids);
  const idOf = (entity: object) => tracked.objectIdOfKey(keyInDatabase(entity));
  return [...store.values()].filter(entity => entity instanceof meta.class && wanted.has(idOf(entity)));
}
