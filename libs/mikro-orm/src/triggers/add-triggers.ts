import type { EntityMetadata, MetadataStorage } from '@mikro-orm/core';
import { createHash } from 'node:crypto';
import { quoteName } from '../model/quote.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import { linkFunction, linkTables } from './link-function.js';
import { rowFunction, type TriggerOptions } from './row-function.js';
import { tableName, triggeredTables } from './triggered-table.js';

const PREFIX = 'revy_';
const OURS = /^revy_[0-9a-f]{8}$/;

/** Adds the triggers of classes that ask for them to what the schema generator and migrations make. */
export function addTriggers(storage: MetadataStorage, entities: TrackedEntities, options: TriggerOptions): void {
  for (const meta of storage) meta.triggers = meta.triggers.filter(({ name = '' }) => !OURS.test(name));
  for (const table of triggeredTables(entities)) {
    addTrigger(table.meta, rowFunction(table, options), entities);
    for (const link of linkTables(table, storage)) addTrigger(link.meta, linkFunction(link, options), entities);
  }
}

/**
 * A constraint trigger, because only these can wait for the COMMIT. The schema generator cannot compare such a trigger
 * with the one in the database, and its name says it all: another function has another name. MikroORM 7.2 drops a function
 * with its trigger if it is called after it (PostgreSqlSchemaHelper.js:742).
 */
function addTrigger(meta: EntityMetadata, body: string, { defaultSchema }: TrackedEntities): void {
  const { schema, tableName: table } = meta;
  const text = body.replaceAll(/\s*\n\s*/g, '\n').trim();
  const name = `${PREFIX}${createHash('sha256').update(text).digest('hex').slice(0, 8)}`;
  const called = tableName({ schema, tableName: `${table}_${name}_fn` } as EntityMetadata, defaultSchema);
  const on = tableName(meta, defaultSchema);
  const expression = `create or replace function ${called}() returns trigger language plpgsql
set search_path from current as $revy$${text}$revy$;
create constraint trigger ${quoteName(name)} after insert or update or delete on ${on}
deferrable initially deferred for each row execute function ${called}()`;
  meta.triggers.push({ name, timing: 'after', events: ['insert', 'update', 'delete'], forEach: 'row', expression });
}
