import type { EntityMetadata, EntityProperty } from '@mikro-orm/core';
import { keyColumns, keyText } from '../model/stored-key.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';

/** Values of one row, by property name, as the driver reads them. */
export type Row = Readonly<Record<string, unknown>>;

/** Which row of a schema it is. */
export interface NamedRow {
  /** The concrete class, or a pivot table. */
  readonly meta: EntityMetadata;
  /** The stored object id. */
  readonly id: string;
}

/** A row that was read from the database, and what it is a row of. */
export interface FoundRow extends NamedRow {
  readonly row: Row;
  /** Whether `row` holds all that is recorded of it, and not only its keys. */
  readonly isWhole: boolean;
}

/** Tells rows apart in one plan; the parts of an object in several tables are one row. */
export function identityOf(meta: EntityMetadata, id: string): string {
  return `${meta.root._id} ${id}`;
}

/** The object id of a row's key; column values come in the order of the key's columns. */
export function rowId(meta: EntityMetadata, values: readonly unknown[], entities: TrackedEntities): string {
  const columns = entities.find(meta.class)?.keyColumns ?? keyColumns(meta, entities.platform);
  return keyText(columns.map((column, index) => column.codec.encodeRow(values[index])));
}

/** The columns of a property, one value for each; MikroORM keeps those of a composite relation as an array. */
export function columnValues(row: Row, prop: EntityProperty): unknown[] {
  const flat = [row[prop.name]].flat(Infinity);
  return (prop.fieldNames ?? []).map((_, index) => flat[index] ?? null);
}

/** The columns of a row's primary key. */
export function keyValues(meta: EntityMetadata, row: Row): unknown[] {
  return meta.getPrimaryProps().flatMap(prop => columnValues(row, prop));
}

/** Values of some columns of a row, found in the properties that map them. */
export function columnReader(props: readonly EntityProperty[], columns: readonly string[]): (row: Row) => unknown[] {
  const places = columns.map(column => props.filter(prop => prop.fieldNames?.includes(column)));
  return row =>
    columns.map((column, index) => {
      const prop = places[index]!.find(candidate => candidate.name in row);
      return prop ? columnValues(row, prop)[prop.fieldNames.indexOf(column)] : null;
    });
}

/** The key of a row some of whose columns get other values. */
export function keyAfter(meta: EntityMetadata, row: Row, values: ReadonlyMap<string, unknown>): unknown[] {
  const columns = meta.getPrimaryProps().flatMap(prop => prop.fieldNames);
  return keyValues(meta, row).map((value, index) =>
    values.has(columns[index]!) ? values.get(columns[index]!) : value,
  );
}

/** Keys without repetitions and without those that are null somewhere, which refer to nothing. */
export function distinctKeys(keys: Iterable<readonly unknown[]>): (readonly unknown[])[] {
  const distinct = new Map<string, readonly unknown[]>();
  for (const key of keys) if (!key.includes(null)) distinct.set(JSON.stringify(key), key);
  return [...distinct.values()];
}
