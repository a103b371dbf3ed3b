import { type EntityProperty, type Platform, PolymorphicRef, ReferenceKind } from '@mikro-orm/core';
import type { Json } from './json.js';
import { type KeyColumn, keyColumns, nestKey } from './stored-key.js';
import { type ValueCodec, valueCodec } from './stored-value.js';

/** The codec of one property, resolved once per ORM. */
export function codecFor(prop: EntityProperty, platform: Platform): ValueCodec {
  const isRelation = prop.kind === ReferenceKind.MANY_TO_ONE || prop.kind === ReferenceKind.ONE_TO_ONE;
  return isRelation ? relationCodec(prop, platform) : valueCodec(prop, platform);
}

/** To-one relations are stored as the target's key: its value, or an array of values for a composite key. */
function relationCodec(prop: EntityProperty, platform: Platform): ValueCodec {
  if (prop.polymorphic) return polymorphicCodec;
  const target = prop.targetMeta;
  if (prop.targetKey && target) return valueCodec(target.properties[prop.targetKey] as EntityProperty, platform);
  let columns: KeyColumn[] | undefined;
  const resolve = () => (columns ??= target ? keyColumns(target, platform) : []);
  const encode = (value: unknown): Json => {
    if (value === null || value === undefined) return null;
    const parts = [identified(value)].flat(Infinity);
    const stored = resolve().map((column, index) => column.codec.encode(identified(parts[index])));
    return stored.length === 1 ? (stored[0] ?? null) : stored;
  };
  const decode = (stored: Json): unknown => {
    if (stored === null) return null;
    const parts = Array.isArray(stored) ? stored : [stored];
    const values = resolve().map((column, index) => column.codec.decode(parts[index] ?? null));
    return nestKey(resolve(), values);
  };
  const canDecode = (stored: Json): boolean => {
    const parts = Array.isArray(stored) ? stored : [stored];
    const isKey = parts.length === resolve().length;
    return stored === null || (isKey && resolve().every((column, index) => column.codec.canDecode(parts[index]!)));
  };
  return { encode, encodeRow: encode, canDecode, decode };
}

/** A target that was inserted by the same flush is known by an identifier that holds its key since then. */
function identified(value: unknown): unknown {
  const getValue = (value as { getValue?: () => unknown } | null)?.getValue;
  return typeof getValue === 'function' ? getValue.call(value) : value;
}

const polymorphicCodec: ValueCodec = (() => {
  const encode = (value: unknown): Json =>
    value instanceof PolymorphicRef ? [value.discriminator, identified(value.id) as Json] : null;
  const decode = (stored: Json): unknown =>
    Array.isArray(stored) ? new PolymorphicRef(stored[0] as string, stored[1]) : null;
  const canDecode = (stored: Json) => stored === null || (Array.isArray(stored) && stored.length === 2);
  return { encode, encodeRow: encode, canDecode, decode };
})();
