import { type Dictionary, type EntityManager, type EntityMetadata, type EntityProperty, Utils } from '@mikro-orm/core';
import { liveContext } from '../database/live-context.js';
import type { JsonRecord } from '../model/json.js';
import { conditionKey, keyValues } from '../model/stored-key.js';
import { type TrackedEntity, valueInRow } from '../tracking/tracked-entities.js';

/** An object's key, and what it is a key of. */
type ObjectKey = { readonly tracked: TrackedEntity; readonly objectId: string };

/** Present rows in stored form, by object id, whatever filters the application has set. One SELECT. */
export async function readLiveRows(
  em: EntityManager,
  tracked: TrackedEntity,
  objectIds: readonly string[],
): Promise<Map<string, JsonRecord>> {
  const rows = new Map<string, JsonRecord>();
  if (objectIds.length === 0) return rows;
  for (const row of await findLiveRows(em, tracked, tracked.fields, keysCondition(tracked, objectIds))) {
    const values: JsonRecord = {};
    for (const attribute of tracked.attributes.values()) {
      const value = valueInRow(attribute, row);
      if (value !== undefined) values[attribute.name] = value;
    }
    rows.set(tracked.objectIdOfRow(row), values);
  }
  return rows;
}

/** The object ids of all present rows of a class. One SELECT. */
export async function readLiveIds(em: EntityManager, tracked: TrackedEntity): Promise<string[]> {
  return (await findLiveRows(em, tracked, tracked.meta.primaryKeys, {})).map(row => tracked.objectIdOfRow(row));
}

/** The object ids of present rows that refer to any of some objects. One SELECT. */
export async function readLiveReferring(
  em: EntityManager,
  entity: TrackedEntity,
  prop: EntityProperty,
  targets: readonly ObjectKey[],
): Promise<string[]> {
  const keys = targets.map(({ tracked, objectId }) => objectKey(tracked, objectId));
  const rows = await findLiveRows(em, entity, entity.meta.primaryKeys, { [prop.name]: { $in: keys } });
  return rows.map(row => entity.objectIdOfRow(row));
}

/**
 * Present rows, whatever filters the application has set: also within a reading of the past, and never those of a
 * replica, which might be older than what the history says of them. One SELECT.
 */
export async function findLiveRows(
  em: EntityManager,
  { meta }: TrackedEntity,
  fields: readonly string[],
  where: Dictionary,
): Promise<Dictionary[]> {
  const ctx = liveContext(em.getTransactionContext() as object | undefined);
  const options = { ctx, connectionType: 'write', fields, schema: schemaFor(em, meta) };
  return em.getDriver().find(meta.class, where, options as Dictionary);
}

/** A class that says nothing of its schema, or that it is in any, is in that of the entity manager. */
export function schemaFor(em: EntityManager, { schema }: EntityMetadata): string | undefined {
  return schema === undefined || schema === '*' ? em.schema : schema;
}

/** Finds objects by their ids. */
export function keysCondition(tracked: TrackedEntity, objectIds: readonly string[]): Dictionary {
  const keys = objectIds.map(id => objectKey(tracked, id));
  return { [Utils.getPrimaryKeyHash(tracked.meta.primaryKeys)]: { $in: keys } };
}

/** An object's key in the form that the ORM takes in a condition. */
export function objectKey({ keyColumns }: TrackedEntity, objectId: string): unknown {
  return conditionKey(keyValues(keyColumns, objectId));
}
