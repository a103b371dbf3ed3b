import { types } from 'node:util';
import { EntityHelper, ScalarReference } from '@mikro-orm/core';
import type { AttributedEntity, InstalledProperty } from './attribution-state.js';

/** A value of a class of the user's own, kept in the form that its custom type stores. */
class Encoded {
  constructor(readonly stored: unknown) {}
}

type Shape = 'atom' | 'date' | 'bytes' | 'list' | 'record';

/** A copy that later mutations of `value` leave alone. */
export function takeBaseline(entity: AttributedEntity, property: InstalledProperty, value: unknown): unknown {
  const held = unwrap(value);
  return isOpaque(held) ? encode(entity, property, held) : copyOf(held);
}

/** Whether `value` is still what the baseline was taken of. */
export function isAtBaseline(
  entity: AttributedEntity,
  property: InstalledProperty,
  value: unknown,
  baseline: unknown,
): boolean {
  const held = unwrap(value);
  if (!(baseline instanceof Encoded)) {
    return isEqual(held, baseline);
  }
  const encoded = isOpaque(held) ? encode(entity, property, held) : undefined;
  return encoded instanceof Encoded && isEqual(encoded.stored, baseline.stored);
}

/** The runtime value that a baseline stands for. */
export function valueOfBaseline(entity: AttributedEntity, property: InstalledProperty, baseline: unknown): unknown {
  return baseline instanceof Encoded
    ? property.customType!.convertToJSValue(baseline.stored, entity.__platform, { mode: 'hydration', force: true })
    : baseline;
}

function unwrap(value: unknown): unknown {
  return ScalarReference.isScalarReference(value) ? value.unwrap() : value;
}

function isOpaque(value: unknown): value is object {
  return typeof value === 'object' && value !== null && shapeOf(value) === 'atom';
}

function encode(entity: AttributedEntity, property: InstalledProperty, value: object): unknown {
  if (!property.customType) {
    return value;
  }
  try {
    return new Encoded(property.customType.convertToDatabaseValue(value, entity.__platform, { mode: 'serialization' }));
  } catch {
    // A value that its type refuses fails at the flush, with the type's own message; reading it must not.
    return value;
  }
}

/** Entities and instances of unknown classes count as atoms: they are compared by identity. */
function shapeOf(value: unknown): Shape {
  if (typeof value !== 'object' || value === null) {
    return 'atom';
  }
  if (Array.isArray(value)) {
    return 'list';
  }
  if (types.isDate(value)) {
    return 'date';
  }
  if (types.isUint8Array(value)) {
    return 'bytes';
  }
  return isRecord(value) ? 'record' : 'atom';
}

function isRecord(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // Realm-safe: another realm's Object.prototype has no prototype either.
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  return isPlain || (!EntityHelper.isEntity(value) && isEmbeddable(value));
}

function isEmbeddable(value: object): boolean {
  return '__meta' in value && (value.__meta as { embeddable?: boolean } | undefined)?.embeddable === true;
}

function copyOf(value: unknown): unknown {
  switch (shapeOf(value)) {
    case 'atom':
      return value;
    case 'date':
      return new Date(value as Date);
    case 'bytes':
      // Buffer.prototype.slice would share the memory.
      return Uint8Array.prototype.slice.call(value);
    case 'list':
      return (value as unknown[]).map(copyOf);
    case 'record':
      return copyOfRecord(value as Record<string, unknown>);
  }
}

function copyOfRecord(value: Record<string, unknown>): object {
  const copy = Object.create(Object.getPrototypeOf(value) as object | null) as Record<string, unknown>;
  for (const key of Object.keys(value)) {
    copy[key] = copyOf(value[key]);
  }
  return copy;
}

function isEqual(a: unknown, b: unknown): boolean {
  const shape = shapeOf(a);
  if (Object.is(a, b) || shape !== shapeOf(b)) {
    return Object.is(a, b);
  }
  switch (shape) {
    case 'atom':
      return false;
    case 'date':
      return Object.is((a as Date).getTime(), (b as Date).getTime());
    case 'bytes':
      return Buffer.compare(a as Uint8Array, b as Uint8Array) === 0;
    case 'list':
      return isEqualList(a as unknown[], b as unknown[]);
    case 'record':
      return isEqualRecord(a as Record<string, unknown>, b as Record<string, unknown>);
  }
}

function isEqualList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => isEqual(item, b[index]));
}

function isEqualRecord(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every(key => Object.hasOwn(b, key) && isEqual(a[key], b[key]));
}
