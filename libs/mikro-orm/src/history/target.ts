import type { EntityManager, EntityName, Primary } from '@mikro-orm/core';
import { runtimeOf } from '../runtime.js';
import { UntrackedEntityError, UnusableKeyError } from '../revy.errors.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';

/** An object that somebody asks about. */
export interface Target {
  readonly tracked: TrackedEntity;
  readonly objectId: string;
}

/**
 * @throws {UntrackedEntityError} if the class is not tracked
 * @throws {UnusableKeyError} if the key does not fit the class
 */
export function targetOf<T extends object>(em: EntityManager, entity: EntityName<T>, key: Primary<T> | T): Target {
  const tracked = trackedOf(em, entity);
  if (!isUsable(tracked, key)) throw new UnusableKeyError(tracked.meta.className, key, tracked.meta.primaryKeys);
  return { tracked, objectId: tracked.objectId(key) };
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
  try {
    return tracked.hasKey(key);
  } catch {
    // a custom type that cannot convert the key says no more than that it does not fit
    return false;
  }
}

function nameOf(entity: unknown): string {
  return (entity as { name?: string; meta?: { className?: string } })?.name ?? String(entity);
}
