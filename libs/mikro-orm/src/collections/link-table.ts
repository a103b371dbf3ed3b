import { type EntityMetadata, type EntityProperty, ReferenceKind } from '@mikro-orm/core';
import type { LinkedCollection } from '../cascade/pivot-links.js';
import { leadsOn } from '../cascade/relevant-edges.js';
import type { CascadeTools } from '../cascade/cascade-map.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';

/** A table of links, and what is recorded of its rows. */
export interface LinkTable {
  readonly meta: EntityMetadata;
  readonly collections: readonly LinkedCollection[];
  /** The application's own class for the rows, which are then objects beside being links. */
  readonly entity: TrackedEntity | undefined;
  /** Whether deleting its rows takes others along. */
  readonly leadsOn: boolean;
}

export function linkTableOf({ kind, pivotEntity }: EntityProperty, tools: CascadeTools): LinkTable | undefined {
  const { graph, entities, edges } = tools;
  const meta = kind === ReferenceKind.MANY_TO_MANY ? graph.metaOf(pivotEntity) : undefined;
  if (!meta) return undefined;
  const collections = (graph.collections.get(meta.class) ?? []).filter(linked => recordedBy(linked, tools));
  return { meta, collections, entity: entities.tracked(meta.class), leadsOn: leadsOn(meta, edges, graph) };
}

/** The class that records the links of a collection, or the first one of several that share a table. */
export function recordedBy({ ownerTable, collection }: LinkedCollection, { graph, entities }: CascadeTools) {
  const classes = graph.classesIn(ownerTable).map(meta => entities.tracked(meta.class));
  return classes.find(tracked => tracked?.collections.has(collection.name));
}
