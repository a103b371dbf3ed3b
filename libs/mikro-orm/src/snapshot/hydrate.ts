import { type EntityManager, helper } from '@mikro-orm/core';
import type { JsonRecord } from '../model/json.js';
import { Revision } from '../model/revision.entity.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';

/** Attributes of an object as far as they are known, decoded to what the ORM's hydrator takes. */
export interface KnownState {
  readonly data: Record<string, unknown>;
  /** Names of the properties that nobody knows. */
  readonly unknown: string[];
}

/** A mask is not a value, so a masked attribute is unknown, and so is what is not tracked at all. */
export function decodeState(tracked: TrackedEntity, state: JsonRecord): KnownState {
  const data: Record<string, unknown> = {};
  const unknown: string[] = [];
  for (const prop of tracked.meta.comparableProps) {
    const attribute = tracked.attributes.get(prop.name);
    if (prop.primary) continue;
    if (attribute && !attribute.isMasked && prop.name in state) {
      data[prop.name] = attribute.codec.decode(state[prop.name]!);
    } else if (!tracked.isInlineEmbedded(prop)) {
      unknown.push(prop.name);
    }
  }
  for (const { name, codec } of tracked.generated) if (name in state) data[name] = codec.decode(state[name]!);
  return { data, unknown };
}

/**
 * An instance of the entity's class with typed values, detached: no entity manager knows it. Persisting it inserts a
 * row with the same key. Relations are references that carry their key.
 */
export function hydrate<T extends object>(
  em: EntityManager,
  tracked: TrackedEntity,
  objectId: string,
  data: Readonly<Record<string, unknown>>,
): T {
  const fork = em.fork({ clear: true, freshEventManager: false });
  const row = { ...tracked.keyData(objectId), ...data };
  const options = { merge: false, initialized: true, convertCustomTypes: true, newEntity: false };
  const entity = fork.getEntityFactory().create(tracked.meta.class, row as never, options) as T;
  detach(entity);
  return entity;
}

function detach(entity: object): void {
  Object.assign(helper(entity), { __managed: false, __originalEntityData: undefined, __em: undefined });
}

/** The revision of a snapshot, which belongs to `em` as if it had been found. */
export function hydrateRevision(em: EntityManager, row: Record<string, unknown>): Revision {
  return em.map(Revision, row as never);
}
