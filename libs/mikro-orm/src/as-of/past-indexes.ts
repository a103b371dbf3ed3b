import type { MetadataStorage } from '@mikro-orm/core';
import { ObjectDelta } from '../model/object-delta.entity.js';
import { pastIndexes } from '../model/past-index.js';
import type { TableNames } from '../model/tables.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import { indexedForm, keyParts } from './key-sql.js';

/** Adds the indexes that as-of reading needs to the table of object deltas, for the keys that are in use. */
export function addPastIndexes(storage: MetadataStorage, tables: TableNames, entities: TrackedEntities): void {
  const { indexes } = storage.get(ObjectDelta);
  const forms = entities.all
    .filter(({ isTracked }) => isTracked)
    .map(({ meta }) => indexedForm(keyParts(meta)) ?? 'text');
  for (const index of pastIndexes(tables, forms)) {
    if (!indexes.some(({ name }) => name === index.name)) indexes.push(index as never);
  }
}
