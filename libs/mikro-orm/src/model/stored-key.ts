import { type EntityMetadata, type EntityProperty, type Platform, Reference, ReferenceKind } from '@mikro-orm/core';
import type { Json } from './json.js';
import { type ValueCodec, valueCodec } from './stored-value.js';

/** A column of a primary key: the way to it through the key's own relations, and its codec. */
export interface KeyColumn {
  readonly path: readonly string[];
  readonly codec: ValueCodec;
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
    return [{ path: here, codec: valueCodec(prop, platform), toDatabase }];
  });
}

/** Unambiguous text for a key: the bare value of a single column, a JSON array of several. */
export function keyText(values: readonly Json[]): string {
  return values.length === 1 ? String(values[0]) : JSON.stringify(values);
}

/** The key's column values that `text` stands for. */
export function keyValues(columns: readonly KeyColumn[], text: string): unknown[] {
  const stored: Json[] = columns.length === 1 ? [text] : (JSON.parse(text) as Json[]);
  return columns.map((column, index) => column.codec.decode(stored[index] ?? null));
}

/** The key of an entity or of a plain key value (scalar, array, or object by property name), column by column. */
export function readKey(columns: readonly KeyColumn[], source: unknown): Json[] {
  const isComposite = columns.length > 1;
  const flat = Array.isArray(source) && isComposite ? (source.flat(Infinity) as unknown[]) : undefined;
  return columns.map((column, index) => {
    const value = flat ? flat[index] : readPath(Reference.unwrapReference(source as object), column.path);
    return column.codec.encode(column.toDatabase(value));
  });
}

function readPath(source: unknown, path: readonly string[]): unknown {
  let value = source;
  for (const step of path) {
    if (value === null || typeof value !== 'object') return value;
    value = Reference.unwrapReference((value as Record<string, object>)[step] as object);
  }
  return value;
}
