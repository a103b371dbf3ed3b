import { type Collection, type EntityManager, Reference, ReferenceKind } from '@mikro-orm/core';
import { Hydrator } from './hydrate.js';
import { orderItems } from './order-items.js';
import type { GraphNode } from './populate.js';
import { isInverseSide, propertyOf } from './populate-tree.js';

/** Makes detached instances of all objects of a graph, and connects them. */
export function graphEntities(em: EntityManager, nodes: readonly GraphNode[]): Map<GraphNode, object> {
  const hydrator = new Hydrator(em);
  const entities = new Map<GraphNode, object>();
  for (const node of nodes) forgetMissing(node);
  for (const node of nodes) entities.set(node, hydrator.hydrate<object>(node));
  hydrator.detach();
  for (const [node, entity] of entities) connect(node, entity as Record<string, unknown>, entities);
  return entities;
}

/** What a populated relation refers to and what did not exist then, is nothing, as in a join. */
function forgetMissing({ tracked, relations, known }: GraphNode): void {
  for (const [name, related] of relations) {
    if (related.length === 0 && name in known.data && !propertyOf(tracked.meta, name)?.primary) known.data[name] = null;
  }
}

function connect(node: GraphNode, entity: Record<string, unknown>, entities: ReadonlyMap<GraphNode, object>): void {
  for (const [name, related] of node.relations) {
    const prop = propertyOf(node.tracked.meta, name)!;
    const isToMany = prop.kind === ReferenceKind.ONE_TO_MANY || prop.kind === ReferenceKind.MANY_TO_MANY;
    if (isToMany) {
      const items = orderItems(related, prop).map(one => entities.get(one)!);
      (entity[name] as Collection<object>).hydrate(items, true);
    } else if (isInverseSide(prop)) {
      const target = related[0] && entities.get(related[0]);
      entity[name] = target ? Reference.wrapReference(target, prop as never) : null;
    }
  }
}
