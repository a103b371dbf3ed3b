import { type EntityMetadata, type EntityProperty, ReferenceKind } from '@mikro-orm/core';
import { isForeignKey } from './foreign-key-edge.js';
import { classesIn, isTable } from './tables.js';

/** A many-to-many collection whose links are the rows of a table, at the end that records them. */
export interface LinkedCollection {
  readonly ownerTable: EntityMetadata;
  readonly collection: EntityProperty;
}

/** A collection with the foreign keys of its links. */
export interface LinkEnds extends LinkedCollection {
  readonly ownerProp: EntityProperty;
  readonly targetProp: EntityProperty;
}

/** Whether a class records a collection, although the other end owns it. */
export type IsRecorded = (meta: EntityMetadata, collection: string) => boolean;

/** Collections by the class of their pivot table, which is the ORM's own or an application's entity. */
export function collectionsByPivot(
  all: readonly EntityMetadata[],
  isRecorded: IsRecorded,
): Map<unknown, LinkedCollection[]> {
  const byPivot = new Map<unknown, LinkedCollection[]>();
  for (const ownerTable of all.filter(isTable)) {
    for (const collection of ownCollections(ownerTable)) {
      const isHere = collection.owner || classesIn(ownerTable, all).some(meta => isRecorded(meta, collection.name));
      const others = byPivot.get(collection.pivotEntity) ?? [];
      if (isHere) byPivot.set(collection.pivotEntity, [...others, { ownerTable, collection }]);
    }
  }
  return byPivot;
}

/** Links by their places in an ordered collection: by number, where places are numbers, large ones read as text. */
export function inPlaces<Link>(links: readonly Link[], placeOf: (link: Link) => unknown): Link[] {
  const compare = (x: string, y: string) => Number(x) - Number(y) || x.localeCompare(y, 'en');
  return links.toSorted((a, b) => compare(String(placeOf(a)), String(placeOf(b))));
}

/** In table-per-type inheritance, MikroORM 7.2 gives each class a pivot table of its own, unless the table has a name. */
function ownCollections({ relations, tptParent }: EntityMetadata): EntityProperty[] {
  const inherited = (tptParent?.properties ?? {}) as Record<string, EntityProperty | undefined>;
  const links = relations.filter(prop => prop.kind === ReferenceKind.MANY_TO_MANY && prop.pivotEntity);
  return links.filter(prop => inherited[prop.name]?.pivotEntity !== prop.pivotEntity);
}

/** Polymorphic collections have no foreign key at one of their ends, and the database no rule for it. */
export function linkEnds(pivot: EntityMetadata, collections: readonly LinkedCollection[] = []): LinkEnds[] {
  const foreignKey = (columns: readonly string[]) =>
    pivot.props.find(prop => isForeignKey(prop) && prop.fieldNames.join() === columns.join());
  return collections.flatMap(({ ownerTable, collection }) => {
    const ownerProp = foreignKey(collection.joinColumns);
    const targetProp = foreignKey(collection.inverseJoinColumns);
    return ownerProp && targetProp ? [{ ownerTable, collection, ownerProp, targetProp }] : [];
  });
}
