import { type Collection, type Dictionary, type EntityManager, LockMode, Utils } from '@mikro-orm/core';
import type { JsonRecord } from '../model/json.js';
import { conditionKey, keyValues } from '../model/stored-key.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { CHUNK } from './row-lookup.js';

/** An object as it is now. */
export interface Present {
  /** Managed by the entity manager of the revert. */
  readonly entity: object;
  /** In stored form. */
  readonly values: JsonRecord;
  /** By collection, the objects at the other ends of its links by their keys as JSON. */
  readonly links: ReadonlyMap<string, ReadonlyMap<string, object>>;
}

/** An object to look for, and the collections of it that matter. */
export interface Sought {
  readonly tracked: TrackedEntity;
  /** The stored type. */
  readonly type: string;
  readonly objectId: string;
  readonly collections: readonly string[];
}

/**
 * Reads objects of one class as they are now, by object id; those that do not exist are left out. One SELECT for each
 * 10,000 and one for each collection that matters. Rows are locked in the order of their keys, whoever else does it.
 */
export async function readPresent(
  em: EntityManager,
  tracked: TrackedEntity,
  sought: readonly Sought[],
  isLocking: boolean,
): Promise<Map<string, Present>> {
  const entities = new Map<string, { entity: object; values: JsonRecord }>();
  const ids = sought.map(({ objectId }) => objectId).toSorted();
  for (let start = 0; start < ids.length; start += CHUNK) {
    for (const row of await readRows(em, tracked, ids.slice(start, start + CHUNK), isLocking)) {
      const entity = em.merge(tracked.meta.class, row, { convertCustomTypes: true, refresh: true });
      entities.set(tracked.objectId(entity), { entity, values: valuesOf(tracked, row) });
    }
  }
  const links = await readLinks(em, tracked, sought, entities);
  return new Map([...entities].map(([id, found]) => [id, { ...found, links: links.get(id) ?? new Map() }]));
}

async function readRows(
  em: EntityManager,
  { meta, attributes, keyColumns }: TrackedEntity,
  ids: readonly string[],
  isLocking: boolean,
): Promise<Dictionary[]> {
  const computed = meta.props.filter(prop => prop.version || prop.name === meta.root.discriminatorColumn);
  const names = new Set([...meta.primaryKeys, ...attributes.keys(), ...computed.map(prop => prop.name)]);
  const keys = ids.map(id => conditionKey(keyValues(keyColumns, id)));
  const where = { [Utils.getPrimaryKeyHash(meta.primaryKeys)]: { $in: keys } };
  return em.getDriver().find(
    meta.class,
    where as never,
    {
      ctx: em.getTransactionContext(),
      connectionType: 'write',
      schema: em.schema,
      fields: [...names],
      orderBy: Object.fromEntries(meta.primaryKeys.map(name => [name, 'asc'])),
      ...(isLocking && { lockMode: LockMode.PESSIMISTIC_WRITE }),
    } as never,
  );
}

function valuesOf({ attributes }: TrackedEntity, row: Dictionary): JsonRecord {
  const values: JsonRecord = {};
  for (const { name, codec } of attributes.values()) values[name] = codec.encodeRow(row[name]);
  return values;
}

async function readLinks(
  em: EntityManager,
  tracked: TrackedEntity,
  sought: readonly Sought[],
  present: ReadonlyMap<string, { readonly entity: object }>,
): Promise<Map<string, Map<string, Map<string, object>>>> {
  const links = new Map<string, Map<string, Map<string, object>>>();
  for (const [name, prop] of tracked.collections) {
    const owners = sought.filter(one => one.collections.includes(name)).filter(one => present.has(one.objectId));
    if (owners.length === 0) continue;
    const entities = owners.map(({ objectId }) => present.get(objectId)!.entity);
    await em.populate(entities as Dictionary[], [name] as never, { filters: false, connectionType: 'write' });
    for (const [index, { objectId }] of owners.entries()) {
      const items = (entities[index] as Dictionary<Collection<object>>)[name]!.getItems(false);
      const targets = new Map(items.map(item => [JSON.stringify(tracked.targetKey(prop, item)), item]));
      links.set(objectId, (links.get(objectId) ?? new Map<string, Map<string, object>>()).set(name, targets));
    }
  }
  return links;
}
