import type { EntityManager } from '@mikro-orm/core';
import { findLiveRows, objectKey } from '../live/live-rows.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { FollowedEdge } from './follow-edges.js';
import type { ReferenceEdge } from './relation-edge.js';
import type { Tie } from './ties.js';

/** What present rows refer to some objects, but for polymorphic ones and keys, whatever filters are set. One SELECT. */
export async function readLiveReferences(
  em: EntityManager,
  { edge, byId }: FollowedEdge<ReferenceEdge>,
): Promise<Tie[]> {
  const { prop, children, discriminator } = edge;
  if (discriminator !== undefined || prop.primary) return [];
  const [child] = children as [TrackedEntity];
  const keys = [...byId.values()].map(({ classes: [parent], objectId }) => objectKey(parent!, objectId));
  const rows = await findLiveRows(em, child, [...child.meta.primaryKeys, prop.name], { [prop.name]: { $in: keys } });
  const { codec } = child.attributes.get(prop.name)!;
  return rows.map(row => ({ holder: child.objectIdOfRow(row), key: codec.encodeRow(row[prop.name]) }));
}
