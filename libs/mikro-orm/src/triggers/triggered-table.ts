import type { EntityMetadata, EntityProperty } from '@mikro-orm/core';
import { quoteName, quoteText, quoteTexts } from '../model/quote.js';
import { recordSql } from '../model/record-sql.js';
import { objectIdSql, storedSql } from '../model/stored-sql.js';
import { saidOf } from '../tracking/said-of.js';
import type { TrackedAttribute, TrackedEntities, TrackedEntity } from '../tracking/tracked-entities.js';
import { UntriggerableError } from './triggers.errors.js';

/** A table whose rows a trigger records, as SQL text about one row of it, whose alias is `t0`. */
export interface TriggeredTable {
  readonly meta: EntityMetadata;
  /** The classes whose rows it holds: several, where they share it. */
  readonly classes: readonly TrackedEntity[];
  /** Quoted, with its schema where it has one of its own. */
  readonly name: string;
  readonly keyColumns: readonly string[];
  /** The stored type of the row; `null` if it is of a class that is not tracked. */
  readonly type: string;
  readonly objectId: string;
  /** Everything that is recorded of it, by attribute, with the values of masked ones in place. */
  readonly state: string;
}

/** The tables of the classes that ask for triggers. */
export function triggeredTables(entities: TrackedEntities): TriggeredTable[] {
  const roots = new Set(entities.all.filter(isTriggered).map(({ meta }) => meta.root));
  return [...roots].map(root => tableOf(root, entities));
}

export function isTriggered({ isTracked, meta }: TrackedEntity): boolean {
  return isTracked && saidOf(meta).entity.triggers === true;
}

function tableOf(meta: EntityMetadata, entities: TrackedEntities): TriggeredTable {
  const classes = entities.all.filter(entity => entity.isTracked && !entity.meta.abstract && entity.meta.root === meta);
  for (const one of classes) refuseUnusable(one);
  const [first] = classes;
  const perClass = (sql: (one: TrackedEntity) => string) => byClass(meta, classes, sql);
  return {
    meta,
    classes,
    name: tableName(meta, entities.defaultSchema),
    keyColumns: meta.getPrimaryProps().flatMap(prop => prop.fieldNames),
    type: perClass(({ type }) => quoteText(type)),
    objectId: objectIdOf(first!),
    state: perClass(stateOf),
  };
}

export function tableName({ schema, tableName: name }: EntityMetadata, defaultSchema: string | undefined): string {
  const own = schema && schema !== defaultSchema ? [schema] : [];
  return [...own, name].map(quoteName).join('.');
}

function refuseUnusable({ meta, masked }: TrackedEntity): void {
  const { className } = meta;
  if (meta.root.inheritanceType === 'tpt') {
    throw new UntriggerableError(className, 'its rows lie in several tables', 'Use single-table inheritance');
  }
  if (meta.schema === '*') {
    throw new UntriggerableError(className, 'its rows may lie in any schema', 'Give the class a schema');
  }
  for (const [name, mask] of masked) {
    if (typeof mask !== 'function') continue;
    const why = `the database cannot call the mask function of "${name}"`;
    throw new UntriggerableError(className, why, `Use mask: true or exclude "${name}"`);
  }
}

/** In single-table inheritance, the discriminator tells what a row is. */
function byClass(meta: EntityMetadata, classes: readonly TrackedEntity[], sql: (one: TrackedEntity) => string): string {
  const discriminator = meta.properties[meta.discriminatorColumn as never] as EntityProperty | undefined;
  if (!discriminator) return sql(classes[0]!);
  const cases = classes.map(one => `when ${quoteText(String(one.meta.discriminatorValue))} then ${sql(one)}`);
  return `case t0.${quoteName(discriminator.fieldNames[0]!)} ${cases.join(' ')} end`;
}

function objectIdOf({ meta, keyColumns }: TrackedEntity): string {
  const columns = meta.getPrimaryProps().flatMap(columnsOf);
  const sql = objectIdSql(keyColumns, columns);
  if (sql !== undefined) return sql;
  throw new UntriggerableError(
    meta.className,
    'only JavaScript can read its key',
    'Use a key of text or whole numbers',
  );
}

function stateOf(tracked: TrackedEntity): string {
  const values = [...tracked.attributes.values()].map(one => [one.name, valueOf(one, tracked)] as const);
  return recordSql(values);
}

function valueOf({ name, prop, isMasked }: TrackedAttribute, { meta, platform }: TrackedEntity): string {
  const columns = columnsOf(prop);
  // compared with what it was, and then replaced by the mask
  if (isMasked && columns.length === 1) return `to_jsonb(${columns[0]}::text)`;
  const sql = prop.stiFieldNames ? undefined : storedSql(prop, columns, platform);
  if (sql !== undefined) return sql;
  const why = `only JavaScript can read "${name}" (${prop.columnTypes?.join(', ') ?? prop.type})`;
  throw new UntriggerableError(meta.className, why, `Exclude "${name}" from the history`);
}

function columnsOf({ fieldNames }: EntityProperty): string[] {
  return (fieldNames ?? []).map(name => `t0.${quoteName(name)}`);
}

/** Names by stored type, as SQL text of `text[]`, for a variable that holds the type. */
export function namesByType(
  { classes }: TriggeredTable,
  variable: string,
  names: (tracked: TrackedEntity) => Iterable<string>,
): string {
  const cases = classes.map(one => `when ${quoteText(one.type)} then ${quoteTexts(names(one))}`);
  return `(case ${variable} ${cases.join(' ')} end)`;
}
