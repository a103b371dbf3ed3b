import type { EntityProperty } from '@mikro-orm/core';
import type { Target } from '../history/target.js';
import type { Json } from '../model/json.js';
import { keyText, keyValues } from '../model/stored-key.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';

/** An object's key, and what it is a key of. */
type ObjectKey = Pick<Target, 'tracked' | 'objectId'>;

/** An object's key as relations and links store it. */
export function storedKey({ tracked: { keyColumns }, objectId }: ObjectKey): Json {
  const values = keyValues(keyColumns, objectId);
  const stored = keyColumns.map(({ codec }, index) => codec.encode(values[index]));
  return stored.length === 1 ? stored[0]! : stored;
}

/** The object id that a stored key stands for. */
export function objectIdOf({ keyColumns }: TrackedEntity, key: Json): string {
  return keyText(keyColumns.length > 1 ? (key as Json[]) : [key]);
}

/** Where a relation stands among the columns of a key that it is part of: the first of them, and how many. */
export function placeInKey({ keyColumns }: TrackedEntity, prop: EntityProperty): { first: number; count: number } {
  const own = keyColumns.flatMap(({ path }, index) => (path[0] === prop.name ? [index] : []));
  return { first: own[0]!, count: own.length };
}

/** The key of the object that a part of an object's own key refers to, as stored. */
export function referenceInKey(target: ObjectKey, prop: EntityProperty): Json {
  const { first, count } = placeInKey(target.tracked, prop);
  const own = storedKey(target);
  if (target.tracked.keyColumns.length === 1) return own;
  return count === 1 ? (own as Json[])[first]! : (own as Json[]).slice(first, first + count);
}
