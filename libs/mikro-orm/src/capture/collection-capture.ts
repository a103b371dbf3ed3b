import {
  type AnyEntity,
  type Collection,
  type EntityProperty,
  ReferenceKind,
  type UnitOfWork,
  Utils,
} from '@mikro-orm/core';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { ConcreteClasses } from './concrete-class.js';

/** Changed links of one many-to-many collection, seen from the side that owns the link. */
export interface CollectionCapture {
  readonly owner: TrackedEntity;
  readonly ownerEntity: object;
  /** The owning side's property. */
  readonly prop: EntityProperty;
  /** One of the collections that the links were found in. */
  readonly source: Collection<AnyEntity>;
  readonly added: Set<object>;
  readonly removed: Set<object>;
}

/** Copies what changed in each dirty many-to-many collection; a link that both sides hold counts once. */
export function captureCollections(uow: UnitOfWork, classes: ConcreteClasses): CollectionCapture[] {
  const byOwner = new Map<object, Map<string, CollectionCapture>>();
  const captureOf = (found: Pick<CollectionCapture, 'ownerEntity' | 'owner' | 'prop' | 'source'>) => {
    const ofOwner = byOwner.get(found.ownerEntity) ?? new Map<string, CollectionCapture>();
    byOwner.set(found.ownerEntity, ofOwner);
    const capture = ofOwner.get(found.prop.name) ?? { ...found, added: new Set(), removed: new Set() };
    ofOwner.set(found.prop.name, capture);
    return capture;
  };
  for (const source of dirtyCollections(uow)) {
    for (const { ownerEntity, property, change, target } of changedLinks(source)) {
      const owner = classes.trackedOf(ownerEntity);
      const prop = owner?.collections.get(property);
      if (owner && prop) captureOf({ ownerEntity, owner, prop, source })[change].add(target);
    }
  }
  return [...byOwner.values()].flatMap(ofOwner => [...ofOwner.values()]);
}

/** MikroORM 7.2 lays the collection of a new entity aside that holds a new entity of its own class, or itself. */
function dirtyCollections(uow: UnitOfWork): Set<Collection<AnyEntity>> {
  const aside = [...uow.getExtraUpdates()].map(([, , value]) => value).filter(value => Utils.isCollection(value));
  return new Set([...uow.getCollectionUpdates(), ...aside] as Collection<AnyEntity>[]);
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
