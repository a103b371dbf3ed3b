import type { EntityManager, EntityProperty } from '@mikro-orm/core';
import { runtimeOf } from '../runtime.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';

/** A to-one relation by which objects of one class, and of those that inherit from it, refer to objects of another. */
export interface ReferenceEdge {
  readonly kind: 'reference';
  readonly prop: EntityProperty;
  readonly children: readonly TrackedEntity[];
  /** What a polymorphic relation calls the class that it refers to. */
  readonly discriminator: string | undefined;
}

/** A many-to-many collection, followed from the side that owns it or from the other one. */
export interface LinkEdge {
  readonly kind: 'link';
  readonly prop: EntityProperty;
  readonly owners: readonly TrackedEntity[];
  readonly from: 'owner' | 'target';
}

export type RelationEdge = ReferenceEdge | LinkEdge;

/**
 * The relations that lead from an object to those that belong to it or are linked with it, each once for all classes
 * that share it. Relations by another property than the key (`targetKey`) are left out.
 */
export function edgesFrom(em: EntityManager, parent: TrackedEntity): RelationEdge[] {
  const { entities } = runtimeOf(em);
  const tracked = entities.all.filter(({ isTracked }) => isTracked);
  const bases = entities.all.filter(base => base === parent || entities.heirs(base).includes(parent));
  const kinds = new Set<unknown>(bases.map(({ meta }) => meta.class));
  const links = sharedBy(tracked, ({ collections }) => [...collections.values()], kinds);
  return [
    ...[...parent.collections.values()].map(prop => edgeOfLink(prop, [parent], 'owner')),
    ...links.map(([prop, owners]) => edgeOfLink(prop, owners, 'target')),
    ...sharedBy(tracked, referencesOf, kinds).map(([prop, children]) => edgeOfReference(prop, children, kinds)),
  ];
}

function edgeOfLink(prop: EntityProperty, owners: readonly TrackedEntity[], from: LinkEdge['from']): LinkEdge {
  return { kind: 'link', prop, owners, from };
}

function edgeOfReference(
  prop: EntityProperty,
  children: readonly TrackedEntity[],
  kinds: ReadonlySet<unknown>,
): ReferenceEdge {
  const [discriminator] = Object.entries(prop.discriminatorMap ?? {}).find(([, type]) => kinds.has(type)) ?? [];
  return { kind: 'reference', prop, children, discriminator: prop.polymorphic ? discriminator : undefined };
}

/** Relations with a column of their own that is recorded, or is part of the key. */
function referencesOf({ meta, attributes }: TrackedEntity): EntityProperty[] {
  return meta.relations.filter(prop => (attributes.has(prop.name) || prop.primary) && !prop.targetKey);
}

/** Properties that lead to a class, with the classes of one table, or tables joined by their key, that have them. */
function sharedBy(
  classes: readonly TrackedEntity[],
  propsOf: (tracked: TrackedEntity) => readonly EntityProperty[],
  kinds: ReadonlySet<unknown>,
): [EntityProperty, TrackedEntity[]][] {
  const shared = new Map<string, [EntityProperty, TrackedEntity[]]>();
  for (const tracked of classes) {
    for (const prop of propsOf(tracked)) {
      const targets = prop.polymorphTargets ?? [prop.targetMeta!];
      if (!targets.some(meta => kinds.has(meta.class))) continue;
      const key = JSON.stringify([tracked.meta.root.tableName, prop.name]);
      const [, sharing] = shared.get(key) ?? shared.set(key, [prop, []]).get(key)!;
      sharing.push(tracked);
    }
  }
  return [...shared.values()];
}
