import type { EntityManager } from '@mikro-orm/core';
import type { Json } from '../model/json.js';
import { familyName, type RelatedObject } from './related-object.js';
import { edgesFrom, type RelationEdge } from './relation-edge.js';
import { storedKey } from './stored-reference.js';

/** An edge, and the objects from which it is followed. */
export interface FollowedEdge<Edge extends RelationEdge = RelationEdge> {
  readonly edge: Edge;
  readonly objectIds: readonly string[];
  /** Their keys as the edge's relation stores them. */
  readonly references: readonly Json[];
  readonly byId: ReadonlyMap<string, RelatedObject>;
  readonly byReference: ReadonlyMap<string, RelatedObject>;
}

/** Every relation that leads on from some objects, each once. */
export function followEdges(em: EntityManager, parents: readonly RelatedObject[]): FollowedEdge[] {
  const families = Map.groupBy(parents, ({ classes: [first] }) => familyName(first!));
  return [...families.values()].flatMap(family => {
    const classes = new Set(family.flatMap(parent => parent.classes));
    const edges = [...classes].flatMap(one => edgesFrom(em, one)).map(edge => [nameOf(edge), edge] as const);
    return [...new Map(edges).values()].map(edge => follow(edge, family));
  });
}

function nameOf(edge: RelationEdge): string {
  const [holder] = edge.kind === 'link' ? edge.owners : edge.children;
  return JSON.stringify([familyName(holder!), edge.prop.name, edge.kind === 'link' ? edge.from : edge.discriminator]);
}

function follow(edge: RelationEdge, parents: readonly RelatedObject[]): FollowedEdge {
  const references = parents.map(({ classes: [tracked], objectId }): Json => {
    const key = storedKey({ tracked: tracked!, objectId });
    return edge.kind === 'reference' && edge.discriminator !== undefined ? [edge.discriminator, key] : key;
  });
  return {
    edge,
    references,
    objectIds: parents.map(({ objectId }) => objectId),
    byId: new Map(parents.map(parent => [parent.objectId, parent])),
    byReference: new Map(parents.map((parent, index) => [JSON.stringify(references[index]), parent])),
  };
}
