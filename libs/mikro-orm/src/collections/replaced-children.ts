import { type EntityManager, helper } from '@mikro-orm/core';
import type { ForeignKeyEdge } from '../cascade/foreign-key-edge.js';
import { columnValues, distinctKeys, type FoundRow, rowId } from '../cascade/found-row.js';
import { isVisible, leadsOn } from '../cascade/relevant-edges.js';
import type { RowReader } from '../cascade/rows.query.js';
import { hasPartIn } from '../cascade/tables.js';
import type { CascadeTools } from '../cascade/cascade-map.js';
import { type AnyCollection, isOneToMany, isReplaced, keyColumnsOf, propertyOf } from './collection-updates.js';
import { driverOf, type WriteScope } from './write-scope.js';

/**
 * One-to-many collections that are written without having been read. MikroORM 7.2 unsets the children that are no longer
 * in them, or deletes them where it removes orphans, by a statement on their table (AbstractSqlDriver.js:1252).
 */
export interface ReplacedChildren {
  /** The children's foreign key, with what happens to them as its rule. */
  readonly edge: ForeignKeyEdge;
  readonly schema: string | undefined;
  readonly collections: AnyCollection[];
}

/** Those of which anything is to be recorded or to be handled, by foreign key. */
export function replacedChildren(
  updates: readonly AnyCollection[],
  { tools, recording }: WriteScope,
): ReplacedChildren[] {
  const replaced = new Map<string, ReplacedChildren>();
  for (const collection of updates) {
    const edge = isOneToMany(collection) && isReplaced(collection) ? ruleOf(collection, tools) : undefined;
    const isRecorded = recording && edge && isVisible(edge, edge.onDelete, tools.graph, tools.entities);
    if (!edge || !(isRecorded || takesAlong(edge, tools))) continue;
    const schema = schemaOf(collection, tools.em);
    const place = JSON.stringify([edge.table._id, edge.prop.name, edge.onDelete, schema]);
    const known = replaced.get(place);
    if (known) known.collections.push(collection);
    else replaced.set(place, { edge, schema, collections: [collection] });
  }
  return [...replaced.values()];
}

/** The rule that replacing a collection amounts to. */
function ruleOf(collection: AnyCollection, { graph }: CascadeTools): ForeignKeyEdge | undefined {
  const { mappedBy, targetMeta, orphanRemoval } = propertyOf(collection);
  // the ORM that discovered the class last left its own metadata on it
  const children = graph.metaOf(targetMeta!.class)!;
  const edge = graph.edges.find(({ prop, table }) => prop.name === mappedBy && hasPartIn(children, table));
  return edge && { ...edge, onDelete: orphanRemoval ? 'cascade' : 'set null', handler: undefined };
}

/** Reads and locks the children that go, as their statements will: one query, whatever the number of collections. */
export async function childrenThatGo({ edge, collections }: ReplacedChildren, reader: RowReader): Promise<FoundRow[]> {
  const byOwner = new Map(
    collections.map(collection => [
      keyText(keyColumnsOf(collection.owner)),
      { collection, stay: staying(collection, reader) },
    ]),
  );
  const keys = distinctKeys(collections.map(({ owner }) => keyColumnsOf(owner)));
  const found = await reader.holding(edge, keys, edge.onDelete === 'cascade' ? 'delete' : 'update');
  return found.filter(row => {
    const owned = byOwner.get(keyText(columnValues(row.row, edge.prop)));
    return owned && isInstance(row, owned.collection) && !owned.stay.has(row.id);
  });
}

function takesAlong(edge: ForeignKeyEdge, { graph, edges }: CascadeTools): boolean {
  return edge.onDelete === 'cascade' && leadsOn(edge.table, edges, graph);
}

function schemaOf({ owner }: AnyCollection, em: EntityManager): string | undefined {
  return driverOf(em).getSchemaName(helper(owner).__meta, { schema: em.schema });
}

/** MikroORM 7.2 adds a condition on the discriminator where the collection is of a subclass in a shared table. */
function isInstance({ meta }: FoundRow, collection: AnyCollection): boolean {
  const { class: target } = propertyOf(collection).targetMeta!;
  return meta.class === target || meta.class.prototype instanceof target;
}

function staying(collection: AnyCollection, { entities }: RowReader): ReadonlySet<string> {
  const { targetMeta } = propertyOf(collection);
  return new Set(collection.getItems(false).map(item => rowId(targetMeta!, keyColumnsOf(item), entities)));
}

function keyText(key: readonly unknown[]): string {
  return JSON.stringify(key.map(String));
}
