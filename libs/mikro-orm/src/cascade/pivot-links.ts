import { type EntityMetadata, type EntityProperty, ReferenceKind } from '@mikro-orm/core';
import { isForeignKey } from './foreign-key-edge.js';
import { isTable, ownRelations } from './tables.js';

/** A many-to-many collection whose links are the rows of a table. */
export interface LinkEnds {
  readonly ownerTable: EntityMetadata;
  readonly collection: EntityProperty;
  readonly ownerProp: EntityProperty;
  readonly targetProp: EntityProperty;
}

/** Collections by the class of their pivot table, which is the ORM's own or an application's entity. */
export function linksByPivot(all: readonly EntityMetadata[]): Map<unknown, LinkEnds[]> {
  const byClass = new Map(all.map(meta => [meta.class as unknown, meta]));
  const links = new Map<unknown, LinkEnds[]>();
  for (const ownerTable of all.filter(isTable)) {
    for (const collection of ownRelations(ownerTable)) {
      const pivot = collection.owner ? byClass.get(collection.pivotEntity) : undefined;
      const ends = pivot && collection.kind === ReferenceKind.MANY_TO_MANY ? endsOf(pivot) : undefined;
      if (ends) links.set(pivot!.class, [...(links.get(pivot!.class) ?? []), { ownerTable, collection, ...ends }]);
    }
  }
  return links;
}

/** MikroORM 7.2 puts the owner's end first (core/metadata/MetadataDiscovery.js:690). */
function endsOf(pivot: EntityMetadata): Pick<LinkEnds, 'ownerProp' | 'targetProp'> | undefined {
  const keys = pivot.props.filter(prop => prop.primary);
  const [ownerProp, targetProp] = keys.length === 2 ? keys : pivot.props.filter(isForeignKey);
  return ownerProp && targetProp && [ownerProp, targetProp].every(isForeignKey) ? { ownerProp, targetProp } : undefined;
}
