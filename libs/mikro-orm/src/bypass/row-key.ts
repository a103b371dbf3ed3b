import { type Dictionary, type EntityMetadata, type EntityProperty, type Platform, Utils } from '@mikro-orm/core';

/** The columns of a primary key, flat, in the database's form. */
export type RowKey = readonly unknown[];

/** The key of a row that the driver read. */
export function keyOfRow(meta: EntityMetadata, row: Dictionary): RowKey {
  return meta.primaryKeys.flatMap(name => [row[name] as unknown].flat(Infinity));
}

/** The key in data as a user writes it; `undefined` where it is not all there. */
export function keyOfData(meta: EntityMetadata, data: Dictionary, platform: Platform | undefined): RowKey | undefined {
  const key = meta.primaryKeys.flatMap(name => partOfKey(meta.properties[name]!, data[name], platform));
  return key.includes(undefined) || key.includes(null) ? undefined : key;
}

/** The columns that one property of a key stands for. */
export function partOfKey({ customType }: EntityProperty, value: unknown, platform: Platform | undefined): unknown[] {
  const toDatabase = (column: unknown) =>
    platform && customType && column !== null && column !== undefined
      ? (customType.convertToDatabaseValue(column, platform) as unknown)
      : column;
  return [value].flat(Infinity).map(toDatabase);
}

/** The key among the columns that a statement returned. */
export function keyOfColumns(meta: EntityMetadata, columns: Dictionary | undefined): RowKey | undefined {
  const names = meta.primaryKeys.flatMap(name => meta.properties[name]!.fieldNames);
  const key = names.map(name => columns?.[name] as unknown);
  return key.includes(undefined) || key.includes(null) ? undefined : key;
}

/**
 * The condition that finds rows by their keys.
 *
 * @param platform given where the query is going to convert custom types, so that the keys have to be as a user has them
 */
export function keyCondition(meta: EntityMetadata, keys: readonly RowKey[], platform?: Platform): Dictionary {
  if (keys.length === 1) return oneKey(meta, keys[0]!, platform);
  const only = meta.primaryKeys.length === 1 ? meta.properties[meta.primaryKeys[0]!] : undefined;
  const values = keys.map(key => (key.length === 1 ? (only ? toUser(only, key[0], platform) : key[0]) : key));
  return { [Utils.getPrimaryKeyHash(meta.primaryKeys)]: { $in: values } };
}

/** By property, which is all that the driver can link a many-to-many collection by. */
function oneKey(meta: EntityMetadata, key: RowKey, platform: Platform | undefined): Dictionary {
  let end = 0;
  const condition: Dictionary = {};
  for (const name of meta.primaryKeys) {
    const prop = meta.properties[name]!;
    const values = key.slice(end, (end += prop.fieldNames.length)).map(value => toUser(prop, value, platform));
    condition[name] = values.length === 1 ? values[0] : values;
  }
  return condition;
}

function toUser({ customType }: EntityProperty, value: unknown, platform: Platform | undefined): unknown {
  return platform && customType ? (customType.convertToJSValue(value, platform) as unknown) : value;
}

export function isKeyProperty(meta: EntityMetadata, name: string): boolean {
  return meta.primaryKeys.some(key => key === name);
}
