import type { EntityManager, EntityMetadata, EntityProperty } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/sql';
import { objectIdSql, storedSql } from '../model/stored-sql.js';
import { quoteName, quoteText } from '../model/quote.js';
import { recordSql } from '../model/record-sql.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';

/** Where the rows of one class come from, as SQL text. */
export interface BaselineSource {
  /** Tables, with the aliases that everything else uses. */
  readonly from: string;
  /** Aliases, to lock rows by. */
  readonly aliases: readonly string[];
  /** The columns of the key, in the table that the class has for itself. */
  readonly keyColumns: readonly string[];
  /** What tells rows of this class from those of classes that share its tables. */
  readonly isOfClass: string;
  /** The object's id, if SQL can make it. */
  readonly objectId: string | undefined;
  /** The same and its state, if SQL can make them; the mask is a parameter of the statement. */
  readonly stored: ((mask: string) => StoredColumns) | undefined;
}

export interface StoredColumns {
  readonly objectId: string;
  readonly state: string;
}

/** An object in several tables (table-per-type inheritance) has one row, joined along its key, in each of them. */
export function baselineSource(em: EntityManager, tracked: TrackedEntity): BaselineSource {
  const { meta } = tracked;
  const tables = tablesOf(meta);
  const tableName = (table: EntityMetadata) => nameOf(em, table);
  const joins = tables.slice(1).map((table, index) => {
    return `join ${tableName(table)} t${index + 1} on (${keyOf(table, `t${index + 1}`)}) = (${keyOf(meta, 't0')})`;
  });
  const columnsOf = (prop: EntityProperty) => {
    const index = tables.findLastIndex(table => prop.name in table.properties);
    return (prop.fieldNames ?? []).map(name => `t${index}.${quoteName(name)}`);
  };
  const objectId = objectIdSql(tracked.keyColumns, meta.getPrimaryProps().flatMap(columnsOf));
  return {
    from: [`${tableName(meta)} t0`, ...joins].join(' '),
    aliases: tables.map((_, index) => `t${index}`),
    keyColumns: keyColumnsOf(meta, 't0'),
    isOfClass: [isOfType(meta), ...(meta.tptChildren ?? []).map(child => isNotIn(child, tableName(child), meta))].join(
      ' and ',
    ),
    objectId,
    stored: objectId === undefined ? undefined : storedColumns(tracked, objectId, columnsOf),
  };
}

function tablesOf(meta: EntityMetadata): EntityMetadata[] {
  return meta.tptParent ? [meta, ...tablesOf(meta.tptParent)] : [meta];
}

function nameOf(em: EntityManager, meta: EntityMetadata): string {
  const driver = em.getDriver() as unknown as AbstractSqlDriver;
  return driver.getTableName(meta, { schema: em.schema });
}

function keyColumnsOf(meta: EntityMetadata, alias: string): string[] {
  return meta.getPrimaryProps().flatMap(prop => prop.fieldNames.map(name => `${alias}.${quoteName(name)}`));
}

function keyOf(meta: EntityMetadata, alias: string): string {
  return keyColumnsOf(meta, alias).join(', ');
}

function isOfType({ root, discriminatorValue }: EntityMetadata): string {
  const discriminator = root.inheritanceType === 'sti' ? root.properties[root.discriminatorColumn!] : undefined;
  if (!discriminator || discriminatorValue === undefined) return 'true';
  return `t0.${quoteName(discriminator.fieldNames[0]!)} = ${quoteText(String(discriminatorValue))}`;
}

function isNotIn(child: EntityMetadata, table: string, meta: EntityMetadata): string {
  return `not exists (select from ${table} c where (${keyOf(child, 'c')}) = (${keyOf(meta, 't0')}))`;
}

function storedColumns(
  tracked: TrackedEntity,
  objectId: string,
  columnsOf: (prop: EntityProperty) => string[],
): BaselineSource['stored'] {
  const values = [...tracked.attributes.values()].map(({ name, prop, isMasked }) => {
    const columns = columnsOf(prop);
    const value = isMasked ? columns[0] : storedSql(prop, columns, tracked.platform);
    return value === undefined || prop.stiFieldNames ? undefined : { name, value, isMasked };
  });
  if (values.includes(undefined)) return undefined;
  return mask => {
    const pairs = values.map(one => {
      const { name, value, isMasked } = one!;
      return [name, isMasked ? `case when ${value} is not null then ${mask} end` : value] as const;
    });
    return { objectId, state: recordSql(pairs) };
  };
}
