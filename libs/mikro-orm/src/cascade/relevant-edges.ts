import type { EntityMetadata } from '@mikro-orm/core';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import type { ForeignKeyEdge } from './foreign-key-edge.js';
import type { ForeignKeyGraph } from './foreign-key-graph.js';
import { hasPartIn, tableOf, tablesOf } from './tables.js';

/** By the `_id` of the table that they refer to. */
export type EdgesByTarget = ReadonlyMap<number, readonly ForeignKeyEdge[]>;

/** The foreign keys worth following, by the table that they refer to: from all others nothing of interest is reached. */
export interface RelevantEdges {
  /** A deletion leads along them to something tracked. */
  readonly tracked: EdgesByTarget;
  /** A deletion leads along them to something tracked, or to a handler. */
  readonly recording: EdgesByTarget;
  /** A deletion leads along them to a handler, which does its work also where nothing is recorded. */
  readonly handling: EdgesByTarget;
  /** A changed key leads along them to something tracked. */
  readonly keyChanges: EdgesByTarget;
}

export function relevantEdges(graph: ForeignKeyGraph, entities: TrackedEntities): RelevantEdges {
  const isHandled = (edge: ForeignKeyEdge) => edge.handler !== undefined;
  const shows = (edge: ForeignKeyEdge) => isVisible(edge, edge.onDelete, graph, entities);
  const deletes = (edge: ForeignKeyEdge) => (edge.onDelete === 'cascade' ? lostTables(edge, graph) : []);
  const rekeys = (edge: ForeignKeyEdge) => (changesKey(edge, graph) ? lostTables(edge, graph) : []);
  return {
    tracked: byTarget(leadingTo(graph.edges, shows, deletes)),
    recording: byTarget(leadingTo(graph.edges, edge => isHandled(edge) || shows(edge), deletes)),
    handling: byTarget(leadingTo(graph.edges, isHandled, deletes)),
    keyChanges: byTarget(leadingTo(graph.edges, edge => isVisible(edge, edge.onUpdate, graph, entities), rekeys)),
  };
}

/**
 * Tables that lose a row when this rule deletes one. In table-per-type inheritance the database deletes the parts below
 * the foreign key only, and leaves the ancestors' parts; a handler deletes the object as the ORM does, from its root.
 */
export function lostTables(edge: ForeignKeyEdge, graph: ForeignKeyGraph): EntityMetadata[] {
  const parts = new Set(graph.classesIn(edge.table).flatMap(tablesOf));
  return [...parts].filter(part => edge.handler !== undefined || hasPartIn(part, edge.table));
}

/** Whether a rule that changes a foreign key changes what others refer to with it. */
function changesKey({ table, onUpdate, columns }: ForeignKeyEdge, graph: ForeignKeyGraph): boolean {
  const referred = graph.referredProperties(table).flatMap(prop => prop.fieldNames ?? []);
  return onUpdate === 'cascade' && columns.own.some(column => referred.includes(column));
}

/** Whether a rule changes something that is recorded of the rows which refer. */
export function isVisible(
  { table, columns, links }: ForeignKeyEdge,
  action: ForeignKeyEdge['onDelete'],
  graph: ForeignKeyGraph,
  entities: TrackedEntities,
): boolean {
  if (!action) return false;
  const isLink = ({ ownerTable, collection }: ForeignKeyEdge['links'][number]) =>
    graph.classesIn(ownerTable).some(meta => entities.tracked(meta.class)?.collections.has(collection.name));
  if (links.some(isLink)) return true;
  const tracked = graph.classesIn(table).map(meta => entities.tracked(meta.class));
  const isColumn = (column: string) => columns.own.includes(column);
  return tracked.some(
    entity =>
      entity &&
      (action === 'cascade' || [...entity.attributes.values()].some(({ prop }) => prop.fieldNames?.some(isColumn))),
  );
}

/** Whether a foreign key of interest refers to the rows of a class, or of those that share its table. */
export function leadsOn(meta: EntityMetadata, edges: EdgesByTarget, graph: ForeignKeyGraph): boolean {
  const classes = edges.size > 0 ? graph.classesIn(tableOf(meta)) : [];
  return classes.some(one => tablesOf(one).some(table => edges.has(table._id)));
}

/** The edges that are of interest themselves, and those from whose tables one goes on to them. */
function leadingTo(
  edges: readonly ForeignKeyEdge[],
  isGoal: (edge: ForeignKeyEdge) => boolean,
  reaches: (edge: ForeignKeyEdge) => readonly EntityMetadata[],
): Set<ForeignKeyEdge> {
  const kept = new Set(edges.filter(isGoal));
  for (let size = -1; size !== kept.size;) {
    size = kept.size;
    const goals = new Set([...kept].map(edge => edge.target._id));
    for (const edge of edges) if (reaches(edge).some(table => goals.has(table._id))) kept.add(edge);
  }
  return kept;
}

function byTarget(edges: Iterable<ForeignKeyEdge>): EdgesByTarget {
  const grouped = new Map<number, ForeignKeyEdge[]>();
  for (const edge of edges) grouped.set(edge.target._id, [...(grouped.get(edge.target._id) ?? []), edge]);
  return grouped;
}
