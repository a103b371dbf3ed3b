import type { Dictionary, EntityManager } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/sql';
import { runtimeOf } from '../runtime.js';
import { keyValues } from '../model/stored-key.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { FollowedEdge } from './follow-edges.js';
import type { LinkEdge } from './relation-edge.js';
import type { Tie } from './ties.js';

/** The present links of some objects, from either side. One SELECT. */
export async function readLiveLinks(
  em: EntityManager,
  { edge: { prop, owners, from }, byId }: FollowedEdge<LinkEdge>,
): Promise<Tie[]> {
  const driver = em.getDriver() as unknown as AbstractSqlDriver;
  const pivot = em.getMetadata().get(prop.pivotEntity as never);
  const quote = (name: string) => driver.getPlatform().quoteIdentifier(name);
  const table = [pivot.schema, pivot.tableName]
    .filter(name => name && name !== '*')
    .map(name => quote(name!))
    .join('.');
  const columns = [...prop.joinColumns, ...prop.inverseJoinColumns].map(quote).join(', ');
  const by = from === 'owner' ? prop.joinColumns : prop.inverseJoinColumns;
  const keys = [...byId.values()].map(({ classes: [tracked], objectId }) => keyValues(tracked!.keyColumns, objectId));
  const tuples = keys.map(key => `(${key.map(() => '?').join(', ')})`).join(', ');
  const sql = `select ${columns} from ${table} where (${by.map(quote).join(', ')}) in (${tuples})`;
  const rows = await driver
    .getConnection('read')
    .execute<Dictionary[]>(sql, keys.flat(), 'all', em.getTransactionContext());
  const target = runtimeOf(em).entities.find(prop.targetMeta!.class)!;
  return rows.map(row => ({
    holder: owners[0]!.objectIdOfKey(prop.joinColumns.map(name => row[name])),
    key: storedKeyOf(
      target,
      prop.inverseJoinColumns.map(name => row[name]),
    ),
  }));
}

function storedKeyOf({ keyColumns }: TrackedEntity, values: readonly unknown[]) {
  const stored = keyColumns.map(({ codec }, index) => codec.encodeRow(values[index]));
  return stored.length === 1 ? stored[0]! : stored;
}
