import {
  type AnyEntity,
  type Collection,
  type EntityProperty,
  helper,
  ReferenceKind,
  type UnitOfWork,
} from '@mikro-orm/core';

export type AnyCollection = Collection<AnyEntity>;

/** MikroORM 7.2 keeps these to itself; it leaves private methods to be overridden, and has no event in their place. */
interface CollectionCommit {
  commitCollectionUpdates(ctx: unknown): Promise<void>;
}

export function propertyOf(collection: AnyCollection): EntityProperty {
  return (collection as unknown as { property: EntityProperty }).property;
}

/** The collections that a flush will write, and those of new entities that refer to each other, which it writes last. */
export function collectionUpdates(uow: UnitOfWork): AnyCollection[] {
  const extra = [...uow.getExtraUpdates()].map(update => update[2] as unknown);
  return [...uow.getCollectionUpdates(), ...extra.filter((value): value is AnyCollection => isCollection(value))];
}

/** Whether a collection is written without having been read: the ORM then removes whatever there is. */
export function isReplaced(collection: AnyCollection): boolean {
  return collection.getSnapshot() === undefined;
}

/** Whether the ORM has anything to write for a dirty collection. */
export function isChanged(collection: AnyCollection): boolean {
  const before = collection.getSnapshot();
  const after = collection.getItems(false);
  if (!before || before.length !== after.length) return true;
  const { owner, fixedOrder } = propertyOf(collection);
  const items = new Set(after);
  return before.some((item, index) => (owner && fixedOrder ? item !== after[index] : !items.has(item)));
}

/** Whether MikroORM 7.2 makes a statement for a collection of children (UnitOfWork.js:1181). */
export function isWritten(collection: AnyCollection): boolean {
  return isReplaced(collection) || collection.getItems(false).some(item => !helper(item).__initialized);
}

export function isOneToMany(collection: AnyCollection): boolean {
  return propertyOf(collection).kind === ReferenceKind.ONE_TO_MANY;
}

/** The columns of the key of a collection's owner, or of an entity in it, as the ORM writes them. */
export function keyColumnsOf(entity: AnyEntity): unknown[] {
  return (helper(entity).getPrimaryKeys(true) ?? []).flat(Infinity);
}

/** Lets `around` do something before and after the statements of a unit of work's collections, in each of its flushes. */
export function aroundCollections(uow: UnitOfWork, around: (perform: () => Promise<void>) => Promise<void>): void {
  const commit = uow as unknown as CollectionCommit;
  if (Object.hasOwn(commit, 'commitCollectionUpdates')) return;
  const original = commit.commitCollectionUpdates.bind(uow);
  commit.commitCollectionUpdates = ctx => around(() => original(ctx));
}

function isCollection(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'getSnapshot' in value;
}
