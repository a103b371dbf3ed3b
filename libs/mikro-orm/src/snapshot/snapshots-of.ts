import { type EntityManager, helper } from '@mikro-orm/core';
import type { ObjectPoint, PointCondition } from '../history/point.js';
import type { Revision } from '../model/revision.entity.js';
import type { ObjectState } from './complete-states.js';
import { graphEntities } from './graph-entities.js';
import type { UnknownReason } from './known-state.js';
import { type GraphNode, GraphReader } from './populate.js';
import { type PopulateTree, populateTree, stepsOf } from './populate-tree.js';
import type { Snapshot } from './snapshot.js';

/** What snapshots are made of, beside the states of their objects. */
export interface SnapshotParts {
  readonly point: ObjectPoint | undefined;
  /** The same point for the objects that they are related to. */
  readonly condition: PointCondition;
  readonly populate: readonly string[];
  readonly revisions: ReadonlyMap<number, Revision>;
}

/** Snapshots of states, in their order, with the relations that are to be populated. */
export async function snapshotsOf<T extends object, Hint extends string>(
  em: EntityManager,
  states: Iterable<ObjectState>,
  { point, condition, populate, revisions }: SnapshotParts,
): Promise<Snapshot<T, Hint>[]> {
  const reader = new GraphReader(em, condition);
  const roots = [...states].map(state => reader.add(state));
  const tree = populateTree(populate);
  await reader.populate(roots, tree);
  const entities = graphEntities(em, reader.nodes);
  return roots.map(root => {
    const entity = entities.get(root)! as Snapshot<T, Hint>['entity'];
    if (populate.length > 0) helper(entity).setSerializationContext({ populate: [...populate] as never });
    const reasons = Object.fromEntries(unknownOf(root, tree));
    const { version, isDeleted, isLive } = root;
    const revision = root.revision === null ? null : revisions.get(root.revision)!;
    return { entity, unknown: Object.keys(reasons), reasons, point, version, revision, isDeleted, isLive };
  });
}

/** By path: what is unknown of an object, and of those that were populated from it. */
function unknownOf(node: GraphNode, tree: PopulateTree, prefix = ''): [path: string, reason: UnknownReason][] {
  const own = [...node.known.unknown].map(([name, reason]): [string, UnknownReason] => [prefix + name, reason]);
  const below = stepsOf(tree, node.tracked.meta).flatMap(({ name, path, below: next }) =>
    (node.relations.get(name) ?? []).flatMap(one => unknownOf(one, next, `${prefix}${path}.`)),
  );
  return [...own, ...below];
}
