import type { Dictionary, EntityManager } from '@mikro-orm/core';
import { keyText, keyValues } from '../model/stored-key.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { FollowedEdge } from './follow-edges.js';
import type { ReferenceEdge } from './relation-edge.js';
import type { Tie } from './ties.js';
import { ALWAYS } from './period.js';

/** What present rows refer to some objects, but for polymorphic relations, whatever filters are set. One SELECT. */
export async function readLiveReferences(
  em: EntityManager,
  { edge, byId }: FollowedEdge<ReferenceEdge>,
): Promise<Tie[]> {
  const { prop, children, discriminator } = edge;
  if (discriminator !== undefined) return [];
  const [child] = children as [TrackedEntity];
  const keys = [...byId.values()].map(({ classes: [parent], objectId }) => keyValues(parent!.keyColumns, objectId));
  const where = { [prop.name]: { $in: keys.map(key => (key.length === 1 ? key[0] : key)) } } as Dictionary;
  const fields = [...child.meta.primaryKeys, prop.name];
  const options = { ctx: em.getTransactionContext(), schema: em.schema, fields } as Dictionary;
  const rows = (await em.getDriver().find(child.meta.class, where, options)) as Dictionary[];
  const { codec } = child.attributes.get(prop.name)!;
  return rows.map(row => ({ holder: rowId(child, row), key: codec.encodeRow(row[prop.name]), period: ALWAYS }));
}

function rowId({ keyColumns, meta }: TrackedEntity, row: Dictionary): string {
  const values = meta.primaryKeys.flatMap(name => [row[name] as unknown].flat(Infinity));
  return keyText(keyColumns.map(({ codec }, index) => codec.encodeRow(values[index])));
}
