import type { Dictionary, EntityManager } from '@mikro-orm/core';
import type { Target } from '../history/target.js';
import { liveContext } from '../database/live-context.js';
import type { JsonRecord } from '../model/json.js';
import { valueInRow } from '../tracking/tracked-entities.js';

/** The object's present row in stored form, whatever filters the application has set. */
export async function readLiveRow(em: EntityManager, { tracked, objectId }: Target): Promise<JsonRecord | undefined> {
  const { meta, attributes, fields } = tracked;
  const ctx = liveContext(em.getTransactionContext() as object | undefined);
  const options = { ctx, fields, schema: em.schema };
  const row = await em.getDriver().findOne(meta.class, tracked.keyData(objectId) as Dictionary, options as Dictionary);
  if (!row) return undefined;
  const values: JsonRecord = {};
  for (const attribute of attributes.values()) {
    const value = valueInRow(attribute, row as Dictionary);
    if (value !== undefined) values[attribute.name] = value;
  }
  return values;
}
