import {
  type Collection,
  type Dictionary,
  type EntityManager,
  type EntityMetadata,
  helper,
  type UnitOfWork,
  Utils,
} from '@mikro-orm/core';
import type { ForeignKeyEdge } from './foreign-key-edge.js';
import { type FoundRow, keyValues } from './found-row.js';
import { conditionKey } from '../model/stored-key.js';
import type { DeletionPlan, PlannedLink } from './plan-deletion.js';
import type { NewForeignKeys } from './new-foreign-keys.js';
import type { RowReader } from './rows.query.js';

/** What entity managers have to be told of a plan. */
export interface MemoryUpdate {
  /** Entities of which they hold something else than the database does, until they are told. */
  readonly entities: readonly object[];
  readonly tell: () => void;
}

/**
 * Finds what entity managers have loaded of a plan, and how to tell them: MikroORM 7.2 does not follow the database's
 * rules, so that their next flush would update rows that are gone, and unset once more what is unset. To be told when the
 * flush has been read, because it changes what the flush says of these entities.
 *
 * In a savepoint nobody is told: if it is rolled back, the entity managers around it would insert anew, or unset, what is
 * still there.
 */
export function memoryUpdate(
  plan: DeletionPlan,
  values: NewForeignKeys,
  reader: RowReader,
  managers: readonly EntityManager[],
): MemoryUpdate {
  const inAll = <Item>(find: (uow: UnitOfWork, em: EntityManager) => Item[]) =>
    new Set(managers.flatMap(em => find(em.getUnitOfWork(false), em)));
  const gone = [...plan.lost.values()].filter(found => found.level > 0);
  const lost = inAll(uow => gone.flatMap(found => managed(found, reader, uow) ?? []));
  const collections = inAll(uow => [...plan.links.values()].flatMap(link => collectionsOf(link, reader, uow)));
  const changed = inAll((uow, em) =>
    plan.changed.flatMap(({ edge, ...found }) => {
      const entity = managed(found, reader, uow);
      return entity ? [{ entity, edge, em }] : [];
    }),
  );
  const tell = () => {
    for (const { entity, edge, em } of changed) assign(entity, edge, values.of(edge), em);
    for (const entity of lost) for (const em of managers) forget(entity, em.getUnitOfWork(false));
    // what was removed is out of them by now, which would count as a change of theirs
    for (const held of collections) if (held.isInitialized() || held.isDirty()) held.takeSnapshot();
  };
  const entities = [...lost, ...[...changed].map(({ entity }) => entity)];
  return { entities, tell: isSavepoint(reader.ctx) ? () => {} : tell };
}

/** MikroORM 7.2 marks them so (sql/AbstractSqlConnection.js, begin). */
function isSavepoint(ctx: object | undefined): boolean {
  return ctx !== undefined && 'savepointName' in ctx;
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

/** Collections at both ends of a link; one that was never loaded may still hold what was loaded from the other end. */
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
    return Utils.isCollection(held) ? [held] : [];
  });
}

/**
 * The same key may stand for another entity by now, made in place of the one that went. What a nested transaction has
 * inserted still waits for that in the entity manager around it.
 */
function forget(entity: object, uow: UnitOfWork): void {
  const isKept = uow.getIdentityMap().getByEntity(entity) === entity || uow.getPersistStack().has(entity);
  if (isKept && !uow.getRemoveStack().has(entity)) uow.unsetIdentity(entity);
}

function managed({ meta, row }: FoundRow, reader: RowReader, uow: UnitOfWork): object | undefined {
  return loaded(meta, keyValues(meta, row), reader, uow);
}

function loaded(meta: EntityMetadata, key: readonly unknown[], reader: RowReader, uow: UnitOfWork): object | undefined {
  return uow.getById(meta.class, conditionKey(key) as never, reader.schemaOf(meta), true) as object | undefined;
}

function assign(entity: object, { prop }: ForeignKeyEdge, values: readonly unknown[], em: EntityManager): void {
  const key = values.includes(null) ? null : conditionKey(values);
  const original = helper(entity).__originalEntityData as Dictionary | undefined;
  if (original) original[prop.name] = key;
  const options = { wrapped: Boolean(prop.ref), convertCustomTypes: true, key: prop.targetKey };
  const value =
    key === null || prop.mapToPk ? key : em.getReference(prop.targetMeta!.class, key as never, options as never);
  (entity as Dictionary)[prop.name] = value;
}
