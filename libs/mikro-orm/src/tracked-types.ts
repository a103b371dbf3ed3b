import type { EntityClass, EntityManager } from '@mikro-orm/core';
import { runtimeOf } from './runtime.js';
import type { TrackedEntity } from './tracking/tracked-entities.js';

/** A class that is tracked, as the history names it: for tools that know no class of the application. */
export interface TrackedType {
  /** The stored type: the alias of `@Tracked({ as })`, else the class name. */
  readonly type: string;
  /** The class, to ask `HistoryService` and `SnapshotService` with. */
  readonly entity: EntityClass<object>;
  /** The recorded properties, the key and collections of others left out; an embeddable is one. */
  readonly attributes: readonly string[];
  /** Whether the values of an attribute are masked, by the name of its property, its stored name, or a former one. */
  isMasked(attribute: string): boolean;
  /**
   * The key that a stored `objectId` stands for, as the services take it.
   *
   * @throws {SyntaxError} if the text is no key of a class with a composite key
   */
  keyOf(objectId: string): never;
}

/**
 * Every class that is tracked in an ORM, by its name. No statement.
 *
 * @throws {RevyNotInstalledError} if the ORM of `em` does not run the extension
 */
export function trackedTypes(em: EntityManager): TrackedType[] {
  const { entities } = runtimeOf(em);
  return entities.all
    .filter(({ isTracked }) => isTracked)
    .map(entity => describe(entity))
    .toSorted((a, b) => (a.type < b.type ? -1 : 1));
}

function describe(entity: TrackedEntity): TrackedType {
  const names = [...entity.attributes.keys(), ...entity.collections.keys()];
  return {
    type: entity.type,
    entity: entity.meta.class as EntityClass<object>,
    attributes: [...new Set(names.map(name => entity.propertyOf(name)))],
    isMasked: attribute => isMasked(entity, entity.names.present(attribute)),
    keyOf: objectId => entity.key(objectId) as never,
  };
}

function isMasked(entity: TrackedEntity, name: string): boolean {
  const names = [name, entity.propertyOf(name), ...entity.attributesOf(name).map(leaf => leaf.name)];
  return names.some(one => entity.masked.has(one));
}
