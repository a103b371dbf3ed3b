import type { Dictionary, EntityManager } from '@mikro-orm/core';
import { keyValues } from '../model/stored-key.js';
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
  const keys = [...byId.values()].map(({ classes: [parent], objectId }) => keyValues(parent!.keyColumns, objectId));
  const where = { [prop.name]: { $in: keys.map(key => (key.length === 1 ? key[0] : key)) } } as Dictionary;
  const fields = [...child.meta.primaryKeys, prop.name];
  const options = { ctx: em.getTransactionContext(), fields } as Dictionary;
  const rows = (await em.getDriver().find(child.meta.class, where, options)) as Dictionary[];
  const { codec } = child.attributes.get(prop.name)!;
  return rows.map(row => ({ holder: child.objectIdOfRow(row), key: codec.encodeRow(row[prop.name]) }));
}
