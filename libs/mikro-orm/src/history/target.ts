import type { EntityManager, EntityMetadata, EntityName, EntityProperty, Primary } from '@mikro-orm/core';
import type { Json } from '../model/json.js';
import { readKey } from '../model/stored-key.js';
import { runtimeOf } from '../runtime.js';
import { UntrackedEntityError, UnusableKeyError } from '../revy.errors.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';

/** An object that somebody asks about. */
export interface Target {
  readonly tracked: TrackedEntity;
  /** The stored type, with the schema that it is asked for in. */
  readonly type: string;
  readonly objectId: string;
}

/**
 * An object of the schema that `em` works in, where its class has none of its own.
 *
 * @throws {UntrackedEntityError} if the class is not tracked
 * @throws {UnusableKeyError} if the key does not fit the class
 */
export function targetOf<T extends object>(em: EntityManager, entity: EntityName<T>, key: Primary<T> | T): Target {
  const tracked = trackedOf(em, entity);
  if (!isUsable(tracked, key)) throw new UnusableKeyError(tracked.meta.className, key, tracked.meta.primaryKeys);
  return { tracked, type: tracked.typeIn(em.schema), objectId: tracked.objectId(key) };
}

/** @throws {UntrackedEntityError} if the class is not tracked */
export function trackedOf<T extends object>(em: EntityManager, entity: EntityName<T>): TrackedEntity {
  const meta = em.getMetadata().find(entity);
  const tracked = meta && runtimeOf(em).entities.tracked(meta.class);
  if (!tracked) throw new UntrackedEntityError(meta?.className ?? nameOf(entity));
  return tracked;
}

function isUsable(tracked: TrackedEntity, key: unknown): boolean {
  if (key === null || key === undefined) return false;
  const { keyColumns, meta } = tracked;
  if (Array.isArray(key) && key.flat(Infinity).length !== keyColumns.length) return false;
  try {
    const values = readKey(keyColumns, key);
    return values.every((value, index) => value !== null && fits(value, propertyAt(meta, keyColumns[index]!.path)));
  } catch {
    // a custom type that cannot convert the key says no more than that it does not fit
    return false;
  }
}

/** What PostgreSQL would refuse to compare with a column, which in a transaction would be the end of it. */
const FORMS: readonly (readonly [column: RegExp, value: RegExp])[] = [
  [/^(small|big)?(int|serial)/, /^-?\d+$/],
  [/^uuid$/, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i],
];

function fits(value: Json, prop: EntityProperty | undefined): boolean {
  const type = prop?.columnTypes?.[0] ?? '';
  const text = typeof value === 'object' ? '' : String(value);
  return FORMS.every(([column, form]) => !column.test(type) || form.test(text));
}

function propertyAt(meta: EntityMetadata, [name, ...rest]: readonly string[]): EntityProperty | undefined {
  const prop = meta.properties[name as never] as EntityProperty | undefined;
  return rest.length > 0 && prop?.targetMeta ? propertyAt(prop.targetMeta, rest) : prop;
}

function nameOf(entity: unknown): string {
  return (entity as { name?: string; meta?: { className?: string } })?.name ?? String(entity);
}
