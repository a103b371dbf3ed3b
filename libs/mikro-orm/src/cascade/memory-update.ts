import { type Collection, type Dictionary, type EntityMetadata, helper, type UnitOfWork, Utils } from '@mikro-orm/core';
import type { ForeignKeyEdge } from './foreign-key-edge.js';
import { conditionKey, type FoundRow, keyValues } from './found-row.js';
import type { DeletionPlan, PlannedLink } from './plan-deletion.js';
import type { NewForeignKeys } from './new-foreign-keys.js';
import type { RowReader } from './rows.query.js';

/**
 * Finds what the unit of work has loaded of a plan, and returns what tells it: MikroORM 7.2 does not follow the database's
 * rules, so that its next flush would update rows that are gone, and unset once more what is unset, and both would be
 * recorded. To be told when the flush has been read, because it changes what the flush says of these entities.
 */
export function memoryUpdate(plan: DeletionPlan, values: NewForeignKeys, reader: RowReader): () => void {
  const uow = reader.em.getUnitOfWork(false);
  const lost = [...plan.lost.values()].filter(found => found.level > 0).map(found => managed(found, reader, uow));
  const changed = plan.changed.map(({ edge, ...found }) => ({ edge, entity: managed(found, reader, uow) }));
  const collections = [...plan.links.values()].flatMap(link => collectionsOf(link, reader, uow));
  return () => {
    for (const { edge, entity } of changed) if (entity) assign(entity, edge, values.of(edge), reader);
    for (const entity of lost) if (entity) forget(entity, uow);
    // what was removed is out of them by now, which would count as a change of theirs
    for (const collection of collections) collection.takeSnapshot();
  };
}

/** Gives a loaded entity the values that the database has computed anew. */
export function rememberComputed(found: FoundRow, reader: RowReader): void {
  const entity = managed(found, reader, reader.em.getUnitOfWork(false)) as Dictionary | undefined;
  for (const { name, prop } of entity ? reader.entities.tracked(found.meta.class)!.generated : []) {
    const value = found.row[name];
    const { customType } = prop;
    entity![name] = customType ? (customType.convertToJSValue(value, reader.em.getPlatform()) as unknown) : value;
  }
}

/** Loaded collections at both ends of a link. */
function collectionsOf(
  { ends, owner, removed }: PlannedLink,
  reader: RowReader,
  uow: UnitOfWork,
): Collection<object>[] {
  const { ownerTable, collection } = ends;
  const places = [
    { meta: ownerTable, key: owner, name: collection.name },
    {
      meta: collection.targetMeta!,
      key: removed[0],
      name: (collection.inversedBy ?? collection.mappedBy) as string | undefined,
    },
  ];
  return places.flatMap(({ meta, key, name }) => {
    const entity = loaded(meta, key, reader, uow) as Dictionary | undefined;
    const held: unknown = entity && name ? entity[name] : undefined;
    return Utils.isCollection(held) && held.isInitialized() ? [held] : [];
  });
}

/** The same key may stand for another entity by now, made in place of the one that went. */
function forget(entity: object, uow: UnitOfWork): void {
  const isKept = uow.getIdentityMap().getByEntity(entity) === entity;
  if (isKept && !uow.getRemoveStack().has(entity)) uow.unsetIdentity(entity);
}

function managed({ meta, row }: FoundRow, reader: RowReader, uow: UnitOfWork): object | undefined {
  return loaded(meta, keyValues(meta, row), reader, uow);
}

function loaded(meta: EntityMetadata, key: readonly unknown[], reader: RowReader, uow: UnitOfWork): object | undefined {
  return uow.getById(meta.class, conditionKey(key) as never, reader.schemaOf(meta), true) as object | undefined;
}

function assign(entity: object, { prop }: ForeignKeyEdge, values: readonly unknown[], { em }: RowReader): void {
  const key = values.includes(null) ? null : conditionKey(values);
  const original = helper(entity).__originalEntityData as Dictionary | undefined;
  if (original) original[prop.name] = key;
  const options = { wrapped: Boolean(prop.ref), convertCustomTypes: true, key: prop.targetKey };
  const value =
    key === null || prop.mapToPk ? key : em.getReference(prop.targetMeta!.class, key as never, options as never);
  (entity as Dictionary)[prop.name] = value;
}
