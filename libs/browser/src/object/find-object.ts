import type { EntityManager, MikroORM } from '@mikro-orm/core';
import { type TrackedType, trackedTypes } from '@revy/mikro-orm';
import { NotInHistoryError } from '../browser.errors.js';
import { splitSchema } from '../wording/stored-type.js';

/** An object by what the history calls it, as the services take it. */
export interface FoundObject {
  /** Works in the schema of the object's row. */
  readonly em: EntityManager;
  readonly tracked: TrackedType;
  readonly key: never;
}

/**
 * The class and the key of an object; no statement.
 *
 * @throws {NotInHistoryError} if there is no such type, or the id is no key of it
 */
export function findObject(orm: MikroORM, storedType: string, id: string): FoundObject {
  const [type, schema] = splitSchema(storedType);
  const em = orm.em.fork(schema === undefined ? {} : { schema });
  const tracked = trackedTypes(em).find(one => one.type === type);
  if (!tracked) throw new NotInHistoryError(`${storedType} ${id}`);
  return { em, tracked, key: keyOf(tracked, id, `${storedType} ${id}`) };
}

function keyOf(tracked: TrackedType, id: string, name: string): never {
  try {
    return tracked.keyOf(id);
  } catch {
    throw new NotInHistoryError(name); // a text that is no key of the class
  }
}
