import { type EntityManager, helper, Reference, type UnitOfWork } from '@mikro-orm/core';
import { type AnyChangeSet, placeOf } from '../capture/flush-capture.js';
import { flatKey } from '../model/stored-key.js';
import { rowId } from './found-row.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import type { ForeignKeyEdge } from './foreign-key-edge.js';
import { hasPartIn, isInFixedSchema, tableOf } from './tables.js';

/**
 * Change sets whose SQL MikroORM 7.2 runs together, after the `before` hooks of all of them: by the schema of tables that
 * have none of their own.
 */
export function groupsOf(em: EntityManager, first: AnyChangeSet): Map<string | undefined, AnyChangeSet[]> {
  const all = em
    .getUnitOfWork(false)
    .getChangeSets()
    .flatMap(set => [set, ...(set.tptChangeSets ?? [])]) as AnyChangeSet[];
  const group = all.filter(set => set.type === first.type && tableOf(set.meta)._id === tableOf(first.meta)._id);
  // an extra update stands alone, and in no list
  const schemaOf = (set: AnyChangeSet) => (isInFixedSchema(set.meta.root) ? em.schema : set.schema);
  return Map.groupBy(group.includes(first) ? group : [first], schemaOf);
}

export function isDeletion({ type }: { readonly type: string }): boolean {
  return type.startsWith('delete');
}

/** The columns of the key that the row has in the database, as the database has them. */
export function keyOf(set: AnyChangeSet): unknown[] {
  return flatKey(set.getPrimaryKey());
}

/** The rows that a flush deletes by itself, by place and object id. */
export function deletedBy(em: EntityManager, entities: TrackedEntities): Set<string> {
  const deleted = em.getUnitOfWork(false).getChangeSets().filter(isDeletion) as AnyChangeSet[];
  return new Set(deleted.map(set => placeOf(em, set.meta, set.schema) + rowId(set.meta, keyOf(set), entities)));
}

/**
 * MikroORM 7.2 unsets nullable relations of loaded children when their parent is removed (UnitOfWork.js:395), which
 * leaves a handler nothing to find. Where it did, and not the application, the change is taken back: the accessor is
 * gone from the child then, and what it held is not.
 */
export function keepForHandlers(uow: UnitOfWork, edges: readonly ForeignKeyEdge[]): void {
  if (edges.length === 0) return;
  const sets = uow.getChangeSets() as AnyChangeSet[];
  const removed = new Set(sets.filter(isDeletion).map(set => set.entity));
  if (removed.size === 0) return;
  for (const set of sets.flatMap(one => [one, ...((one.tptChangeSets ?? []) as AnyChangeSet[])])) {
    for (const { prop } of edges.filter(edge => hasPartIn(set.meta, edge.table))) {
      const payload = set.payload as Record<string, unknown>;
      if (set.type !== 'update' || !(prop.name in payload) || payload[prop.name]) continue;
      const held = Reference.unwrapReference(dataOf(set.entity)[prop.name] as object);
      if (removed.has(held) && !Object.hasOwn(set.entity, prop.name)) delete payload[prop.name];
    }
  }
}

function dataOf(entity: object): Record<string, unknown> {
  return (helper(entity) as unknown as { __data: Record<string, unknown> }).__data;
}
