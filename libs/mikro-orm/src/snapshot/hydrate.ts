import { type EntityManager, type EntityProperty, helper } from '@mikro-orm/core';
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
  const { root, discriminatorValue } = tracked.meta;
  const data: Record<string, unknown> = root.discriminatorColumn
    ? { [root.discriminatorColumn]: discriminatorValue }
    : {};
  const unknown: string[] = [];
  for (const prop of tracked.meta.props) {
    if (!isColumn(prop, tracked)) continue;
    const attribute = tracked.attributes.get(prop.name);
    if (attribute && !attribute.isMasked && prop.name in state) {
      data[prop.name] = attribute.codec.decode(state[prop.name]!);
    } else {
      unknown.push(prop.name);
    }
  }
  return { data, unknown };
}

/** Whether a snapshot has to have a value for the property: it is read from the object's own row, beside its key. */
function isColumn(prop: EntityProperty, tracked: TrackedEntity): boolean {
  const { meta } = tracked;
  if (prop.primary || prop.name === meta.root.discriminatorColumn || tracked.isInlineEmbedded(prop)) return false;
  const isComputed = prop.generated || prop.version;
  return meta.comparableProps.includes(prop) || (Boolean(isComputed) && prop.persist !== false);
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
  const options = { merge: false, initialized: true, convertCustomTypes: true, newEntity: false, schema: em.schema };
  const entity = fork.getEntityFactory().create(tracked.meta.class, row as never, options) as T;
  // MikroORM replaces a reference that belongs to nobody by its own when the entity is persisted: UnitOfWork.js:975
  for (const related of fork.getUnitOfWork(false).getIdentityMap().values()) detach(related as object);
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
