import { type EntityManager, type EntityMetadata, type EntityProperty, ReferenceKind } from '@mikro-orm/core';
import { isUpTo, type Point } from '../history/point.js';
import type { Target } from '../history/target.js';
import { type FollowedEdge, followEdges } from '../related/follow-edges.js';
import { ALWAYS } from '../related/period.js';
import { readTies, type RelatedTie } from '../related/read-ties.js';
import type { RelatedObject } from '../related/related-object.js';
import { runtimeOf } from '../runtime.js';
import type { CollectionDiff, ValueDiff } from './diff.js';
import { referenceTo } from './object-state.js';

/** An object whose collections are compared as they were at a point; `undefined` where it did not exist. */
export interface CollectionOwner {
  readonly target: Target;
  readonly point: Point | undefined;
  readonly exists: boolean;
}

/**
 * What differs in some collections of an object at two points, or of two objects: null where nothing does, and absent
 * where nobody knows. One SELECT in the history, and one for the present rows or links of each collection if they are
 * not the same on both sides anyway.
 */
export async function collectionDiffs(
  em: EntityManager,
  names: readonly string[],
  from: CollectionOwner,
  to: CollectionOwner,
): Promise<Map<string, Difference | null>> {
  if (names.length === 0) return new Map();
  const roots = new Map([from, to].map(({ target }) => [target.objectId, rootOf(target)]));
  const { meta, masked } = to.target.tracked;
  const followed = followEdges(em, [...roots.values()]).flatMap(one => {
    const prop = propertyOf(one, meta);
    return prop && names.includes(prop.name) && !masked.has(prop.name) ? [{ prop, one }] : [];
  });
  const isSameAsNow = roots.size === 1 && from.exists && to.exists;
  const edges = followed.map(({ one }) => one);
  const ties = await readTies(em, edges, isSameAsNow ? 'recorded' : 'all');
  return new Map(followed.map(({ prop }, index) => [prop.name, diffOf(em, prop, ties[index]!, from, to)]));
}

type Difference = CollectionDiff<object> | ValueDiff<object>;

function rootOf({ tracked, objectId }: Target): RelatedObject {
  return { classes: [tracked], objectId, periods: [ALWAYS] };
}

/** The property by which the class of the objects sees a relation that leads on from them. */
function propertyOf({ edge }: FollowedEdge, meta: EntityMetadata): EntityProperty | undefined {
  if (edge.kind === 'link' && edge.from === 'owner') return edge.prop;
  const holders = edge.kind === 'link' ? edge.owners : edge.children;
  const isHeldBy = (type: unknown) => holders.some(({ meta: holder }) => isA(holder.class, type));
  return meta.relations.find(({ mappedBy, targetMeta }) => mappedBy === edge.prop.name && isHeldBy(targetMeta?.class));
}

function isA(type: unknown, base: unknown): boolean {
  return type === base || (type as { prototype: unknown }).prototype instanceof (base as new () => unknown);
}

function diffOf(
  em: EntityManager,
  prop: EntityProperty,
  ties: readonly RelatedTie[],
  from: CollectionOwner,
  to: CollectionOwner,
): Difference | null {
  const [before, after] = [heldAt(ties, from), heldAt(ties, to)];
  const tracked = runtimeOf(em).entities.find(prop.targetMeta!.class)!;
  const only = (some: ReadonlySet<string>, others: ReadonlySet<string>) =>
    [...some].filter(id => !others.has(id)).map(objectId => referenceTo(em, { tracked, objectId }));
  const [removed, added] = [only(before, after), only(after, before)];
  if (removed.length + added.length === 0) return null;
  if (prop.kind !== ReferenceKind.ONE_TO_ONE) return { added, removed };
  return { oldValue: removed[0] ?? null, newValue: added[0] ?? null };
}

/** The ids of what belonged to an object at a point. */
function heldAt(ties: readonly RelatedTie[], { target, point, exists }: CollectionOwner): Set<string> {
  const isBefore = (event: RelatedTie['since']) =>
    event !== undefined && isUpTo(point, { revision: Number(event.revision), recordedAt: new Date(event.recorded_at) });
  const held = ties.filter(
    ({ parent, since, until }) =>
      exists && parent.objectId === target.objectId && (!since || isBefore(since)) && !isBefore(until),
  );
  return new Set(held.map(({ objectId }) => objectId));
}
