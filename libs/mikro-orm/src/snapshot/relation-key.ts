import type { EntityProperty } from '@mikro-orm/core';
import type { Target } from '../history/target.js';
import type { Json, JsonRecord } from '../model/json.js';
import { keyText, keyValues, readKey } from '../model/stored-key.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';

/** An object's key, and what it is a key of. */
type ObjectKey = Pick<Target, 'tracked' | 'objectId'>;

/** An object with its stored values. */
export interface Valued extends ObjectKey {
  readonly values: JsonRecord;
}

/**
 * The stored key that a to-one relation of an object holds; `undefined` if nobody knows. What is part of the object's
 * own key is not among its values.
 */
export function storedReference({ tracked, objectId, values }: Valued, prop: EntityProperty): Json | undefined {
  if (!prop.primary) return values[prop.name];
  const own = storedKey({ tracked, objectId }).filter((_, index) => tracked.keyColumns[index]!.path[0] === prop.name);
  return own.length === 1 ? own[0]! : own;
}

/** The object id of what a stored reference refers to. */
export function referredId(stored: Json, target: TrackedEntity): string {
  return keyText(Array.isArray(stored) && target.keyColumns.length > 1 ? stored : [stored]);
}

/** What a stored reference to an object is. */
export function referenceTo(target: ObjectKey): Json {
  const parts = storedKey(target);
  return parts.length === 1 ? parts[0]! : parts;
}

/** The stored form of a value for a property of the key, as an application has it. */
export function storedKeyPart({ keyColumns }: TrackedEntity, { name }: EntityProperty, value: unknown): Json {
  if (value === null || value === undefined) return null;
  const own = keyColumns.filter(({ path }) => path[0] === name);
  const values = readKey(
    own.map(column => ({ ...column, path: column.path.slice(1) })),
    value,
  );
  return values.length === 1 ? values[0]! : values;
}

function storedKey({ tracked: { keyColumns }, objectId }: ObjectKey): Json[] {
  return keyValues(keyColumns, objectId).map((value, index) => keyColumns[index]!.codec.encode(value));
}
