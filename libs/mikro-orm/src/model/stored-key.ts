import {
  EntityHelper,
  type EntityMetadata,
  type EntityProperty,
  type Platform,
  Reference,
  ReferenceKind,
  Utils,
} from '@mikro-orm/core';
import type { Json } from './json.js';
import { type ValueCodec, valueCodec } from './stored-value.js';

/** A column of a primary key: the way to it through the key's own relations, and its codec. */
export interface KeyColumn {
  readonly path: readonly string[];
  /** The property that maps it; of a relation, that of its target. */
  readonly prop: EntityProperty;
  readonly codec: ValueCodec;
  /** Whether its stored form may be an object: that of a custom type's dates and bytes. */
  readonly isObject: boolean;
  readonly toDatabase: (value: unknown) => unknown;
}

/** The columns of a primary key in order; a key that is a relation stands for the key of its target. */
export function keyColumns(meta: EntityMetadata, platform: Platform, path: readonly string[] = []): KeyColumn[] {
  return meta.primaryKeys.flatMap(name => {
    const prop = meta.properties[name] as EntityProperty;
    const here = [...path, prop.name];
    if (prop.kind !== ReferenceKind.SCALAR && prop.targetMeta) return keyColumns(prop.targetMeta, platform, here);
    const { customType } = prop;
    const toDatabase = (value: unknown) =>
      customType && value !== undefined && value !== null ? customType.convertToDatabaseValue(value, platform) : value;
    const isObject = customType?.compareAsType() === 'any';
    return [{ path: here, prop, codec: valueCodec(prop, platform), isObject, toDatabase }];
  });
}

/** Unambiguous text for a key: the bare value of a single column, a JSON array of several. */
export function keyText(values: readonly Json[]): string {
  const [value] = values;
  return values.length === 1 && (value === null || typeof value !== 'object') ? String(value) : JSON.stringify(values);
}

/** The key's column values that `text` stands for. */
export function keyValues(columns: readonly KeyColumn[], text: string): unknown[] {
  const isJson = columns.length > 1 || (columns[0]?.isObject && text.startsWith('['));
  const stored = isJson ? (JSON.parse(text) as Json[]) : [text];
  return columns.map((column, index) => column.codec.decode(stored[index] ?? null));
}

/** A key in the form that the ORM takes in a condition: a value, or an array of those of a composite key. */
export function conditionKey(values: readonly unknown[]): unknown {
  return values.length === 1 ? values[0] : values;
}

/** Column values in the ORM's form of a key: those of a key's own composite relation are an array of their own. */
export function nestKey(columns: readonly KeyColumn[], values: readonly unknown[], depth = 0): unknown {
  if (columns.length === 1) return values[0];
  const names = [...new Set(columns.map(column => column.path[depth]))];
  return names.map(name => {
    const isOf = (index: number) => columns[index]!.path[depth] === name;
    return nestKey(
      columns.filter((_, index) => isOf(index)),
      values.filter((_, index) => isOf(index)),
      depth + 1,
    );
  });
}

/** The columns of a key as MikroORM 7.2 hands it out: a value, an array, or an object by property, also within another. */
export function flatKey(key: unknown): unknown[] {
  if (Array.isArray(key)) return key.flatMap(flatKey);
  return Utils.isPlainObject(key) ? Object.values(key).flatMap(flatKey) : [key];
}

/** The key of an entity or of a plain key value (scalar, array, or object by property name), column by column. */
export function readKey(columns: readonly KeyColumn[], source: unknown): Json[] {
  const isComposite = columns.length > 1;
  const [column] = columns;
  if (!isComposite && column?.path.length === 1 && EntityHelper.isEntity(source)) {
    const value = Reference.unwrapReference((source as Record<string, object>)[column.path[0]!] as object);
    return [column.codec.encode(column.toDatabase(value))];
  }
  const flat = Array.isArray(source) && isComposite ? (source.flat(Infinity) as unknown[]) : undefined;
  return columns.map(({ codec, path, toDatabase }, index) => {
    const value = flat ? flat[index] : readPath(Reference.unwrapReference(source as object), path);
    return codec.encode(toDatabase(value));
  });
}

function readPath(source: unknown, path: readonly string[]): unknown {
  let value = source;
  for (const step of path) {
    if (!hasProperties(value)) return value;
    value = Reference.unwrapReference((value as Record<string, object>)[step] as object);
  }
  return value;
}

/** A date, bytes, or an instance of a class that a custom type stores, is a value of the key and has none. */
function hasProperties(value: unknown): value is object {
  return EntityHelper.isEntity(value) || Utils.isPlainObject(value);
}
