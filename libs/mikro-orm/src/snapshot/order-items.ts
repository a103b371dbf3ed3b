import type { EntityProperty } from '@mikro-orm/core';
import type { Json } from '../model/json.js';
import type { GraphNode } from './populate.js';
import { propertyOf } from './populate-tree.js';
import { orderOf } from './stored-order.js';

type Order = readonly (readonly [name: string, sign: 1 | -1])[];

/** The items of a collection in the order that it has, or that its relation or its class declares, else by their keys. */
export function orderItems(items: readonly GraphNode[], prop: EntityProperty): GraphNode[] {
  if (prop.fixedOrder && prop.owner) return [...items];
  const order = [...declaredOrder(prop.orderBy), ...declaredOrder(prop.targetMeta?.orderBy)];
  return [...items].toSorted((a, b) => {
    for (const [name, sign] of order) {
      const difference = compare(a.values[name], b.values[name], propertyOf(a.tracked.meta, name));
      if (difference !== 0) return sign * difference;
    }
    return compareKeys(a, b);
  });
}

export function compareKeys(a: Pick<GraphNode, 'objectId'>, b: Pick<GraphNode, 'objectId'>): number {
  return a.objectId.localeCompare(b.objectId, 'en', { numeric: true });
}

function declaredOrder(orderBy: unknown): Order {
  return [orderBy ?? []].flat().flatMap(one =>
    Object.entries(one as Record<string, unknown>).map(([name, direction]) => {
      return [name, /^(desc|-1)/i.test(String(direction)) ? -1 : 1] as const;
    }),
  );
}

function compare(a: Json | undefined, b: Json | undefined, prop: EntityProperty | undefined): number {
  if (a === b) return 0;
  // as PostgreSQL orders nulls
  if (a === null || a === undefined) return 1;
  if (b === null || b === undefined) return -1;
  const order = prop && orderOf(prop);
  return order ? order(a, b) : JSON.stringify(a).localeCompare(JSON.stringify(b), 'en', { numeric: true });
}
