import type { Dictionary, EntityManager, EntityProperty } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/sql';
import { liveContext } from '../database/live-context.js';
import type { Json } from '../model/json.js';
import { type KeyColumn, keyText, keyValues } from '../model/stored-key.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { schemaFor } from './live-rows.js';

/** The two ends of a many-to-many collection; `prop` is the property of the side that owns it. */
export interface LinkEnds {
  readonly prop: EntityProperty;
  readonly owner: TrackedEntity;
  readonly target: TrackedEntity;
}

export interface LiveLink {
  readonly ownerId: string;
  readonly targetId: string;
  /** The target's key in stored form. */
  readonly stored: Json;
}

/** The present links of some objects at one end, of a collection with an order in that one. One SELECT. */
export async function readLiveLinks(
  em: EntityManager,
  { prop, owner, target }: LinkEnds,
  end: 'owner' | 'target',
  objectIds: readonly string[],
): Promise<LiveLink[]> {
  const own = end === 'owner' ? owner : target;
  const by = end === 'owner' ? prop.joinColumns : prop.inverseJoinColumns;
  const keys = objectIds.map(id => keyValues(own.keyColumns, id));
  return (await selectPivot(em, prop, by, keys)).map(row => {
    const ownerKey = storedKey(owner.keyColumns, prop.joinColumns, row);
    const targetKey = storedKey(target.keyColumns, prop.inverseJoinColumns, row);
    const stored = targetKey.length === 1 ? targetKey[0]! : targetKey;
    return { ownerId: keyText(ownerKey), targetId: keyText(targetKey), stored };
  });
}

function storedKey(columns: readonly KeyColumn[], names: readonly string[], row: Dictionary): Json[] {
  return columns.map((column, index) => column.codec.encodeRow(row[names[index]!]));
}

async function selectPivot(
  em: EntityManager,
  prop: EntityProperty,
  by: readonly string[],
  keys: readonly (readonly unknown[])[],
): Promise<Dictionary[]> {
  if (keys.length === 0) return [];
  const driver = em.getDriver() as unknown as AbstractSqlDriver;
  const pivot = driver.getMetadata().get(prop.pivotEntity);
  const quote = (name: string) => driver.getPlatform().quoteIdentifier(name);
  const columns = [...prop.joinColumns, ...prop.inverseJoinColumns].map(quote).join(', ');
  const tuple = `(${by.map(() => '?').join(', ')})`;
  const order = prop.fixedOrderColumn ? ` order by ${quote(prop.fixedOrderColumn)}` : '';
  const table = driver.getTableName(pivot, { schema: schemaFor(em, pivot) });
  const sql = `select ${columns} from ${table} where (${by.map(quote).join(', ')}) in (${keys.map(() => tuple).join(', ')})${order}`;
  const ctx = liveContext(em.getTransactionContext() as object | undefined);
  return driver.getConnection('write').execute<Dictionary[]>(sql, keys.flat(), 'all', ctx);
}
