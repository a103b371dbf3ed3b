import { type AnyEntity, Collection, type EntityProperty, ReferenceKind, type UnitOfWork } from '@mikro-orm/core';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { ConcreteClasses } from './concrete-class.js';

/** Changed links of one many-to-many collection, seen from the side that owns the link. */
export interface CollectionCapture {
  readonly owner: TrackedEntity;
  readonly ownerEntity: object;
  /** The owning side's property. */
  readonly prop: EntityProperty;
  readonly added: Set<object>;
  readonly removed: Set<object>;
}

/** Copies what changed in each dirty many-to-many collection; a link that both sides hold counts once. */
export function captureCollections(uow: UnitOfWork, classes: ConcreteClasses): CollectionCapture[] {
  const byOwner = new Map<object, Map<string, CollectionCapture>>();
  const captureOf = (ownerEntity: object, owner: TrackedEntity, prop: EntityProperty): CollectionCapture => {
    const ofOwner = byOwner.get(ownerEntity) ?? new Map<string, CollectionCapture>();
    byOwner.set(ownerEntity, ofOwner);
    const capture = ofOwner.get(prop.name) ?? { owner, ownerEntity, prop, added: new Set(), removed: new Set() };
    ofOwner.set(prop.name, capture);
    return capture;
  };
  for (const collection of [...uow.getCollectionUpdates(), ...postponed(uow)]) {
    for (const link of changedLinks(collection)) {
      const owner = classes.trackedOf(link.ownerEntity);
      const prop = owner?.collections.get(link.property);
      if (owner && prop) captureOf(link.ownerEntity, owner, prop)[link.change].add(link.target);
    }
  }
  return [...byOwner.values()].flatMap(ofOwner => [...ofOwner.values()]);
}

/**
 * MikroORM 7.2 sets a collection aside until its rows are inserted where new objects link each other in a circle, and
 * puts an empty one in its place (core/unit-of-work/UnitOfWork.js:835).
 */
function postponed(uow: UnitOfWork): Collection<AnyEntity>[] {
  return [...uow.getExtraUpdates()].flatMap(([, , value]) => (Collection.isCollection(value) ? [value] : []));
}

interface Link {
  readonly ownerEntity: object;
  readonly property: string;
  readonly target: object;
  readonly change: 'added' | 'removed';
}

function changedLinks(collection: Collection<AnyEntity>): Link[] {
  const { property: prop, owner } = collection as unknown as { property: EntityProperty; owner: object };
  if (prop.kind !== ReferenceKind.MANY_TO_MANY) return [];
  const before = new Set<object>(collection.getSnapshot() ?? []);
  const after = new Set<object>(collection.getItems(false));
  const link = (item: object, change: Link['change']): Link =>
    prop.owner
      ? { ownerEntity: owner, property: prop.name, target: item, change }
      : { ownerEntity: item, property: prop.mappedBy as string, target: owner, change };
  return [
    ...[...after].filter(item => !before.has(item)).map(item => link(item, 'added')),
    ...[...before].filter(item => !after.has(item)).map(item => link(item, 'removed')),
  ];
}
