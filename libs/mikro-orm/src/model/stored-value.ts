import {
  ArrayType,
  BigIntType,
  DecimalType,
  DoubleType,
  type EntityProperty,
  FloatType,
  IntervalType,
  JsonType,
  type Platform,
  ReferenceKind,
  type Type,
  types,
  Uint8ArrayType,
} from '@mikro-orm/core';
import { UnserialisableValueError } from '../revy.errors.js';
import type { Json } from './json.js';
import { canonicalInterval, canonicalUuid, roundDate, roundDecimal, roundReal } from './rounding.js';

/** Turns the values of one property into what history stores, and back. */
export interface ValueCodec {
  /** From the unit of work's copy of the row: database values under property names. */
  encode(value: unknown): Json;
  /** From a row that the driver read; it differs from `encode` where the driver parses a column itself. */
  encodeRow(value: unknown): Json;
  /** Whether `decode` can make something of it: not always, if the property had another type when it was stored. */
  canDecode(stored: Json): boolean;
  /** To the form that the ORM's hydrator takes. */
  decode(stored: Json): unknown;
}

type ScalarType = Type<unknown, unknown>;

function codec(
  encode: (value: unknown) => Json,
  decode: (stored: Json) => unknown = stored => stored,
  isReadable: (stored: Json) => boolean = () => true,
): ValueCodec {
  const nullable = (value: unknown) => (value === null || value === undefined ? null : encode(value));
  return {
    encode: nullable,
    encodeRow: nullable,
    canDecode: stored => stored === null || isReadable(stored),
    decode: stored => (stored === null ? null : decode(stored)),
  };
}

/** The codec of a property that is no relation. */
export function valueCodec(prop: EntityProperty, platform: Platform): ValueCodec {
  if (prop.kind === ReferenceKind.EMBEDDED) return jsonCodec;
  return prop.customType ? customCodec(prop, prop.customType, platform) : plainCodec(prop, platform);
}

function customCodec(prop: EntityProperty, type: ScalarType, platform: Platform): ValueCodec {
  if (type instanceof JsonType) return jsonCodec;
  if (type instanceof ArrayType) return arrayCodec(prop, type, platform);
  if (type instanceof Uint8ArrayType) return bytesCodec;
  if (type instanceof BigIntType) return codec(String, String, stored => /^-?\d+$/.test(textOf(stored)));
  if (type instanceof DecimalType) return decimalCodec(prop);
  if (type instanceof FloatType || type instanceof DoubleType) return numberCodec(prop);
  if (type instanceof IntervalType) return intervalCodec;
  const plain = plainCodec(prop, platform, type);
  return BUILT_IN_TYPES.has(type.constructor) ? plain : ownTypeCodec(plain, type, platform);
}

const BUILT_IN_TYPES = new Set<unknown>(Object.values(types));

/**
 * A type of the application may write one form and read another: through SQL, or from a column that the driver parses.
 * History has the one that it writes, as the ORM's own copy of a row has it.
 */
function ownTypeCodec(plain: ValueCodec, type: ScalarType, platform: Platform): ValueCodec {
  const written = (value: unknown): unknown => {
    try {
      const runtime = type.convertToJSValue(value, platform, { mode: 'hydration', force: true });
      return type.convertToDatabaseValue(runtime, platform, { mode: 'serialization' });
    } catch {
      // a row that its type cannot read may still be deleted, and its record says what stood there
      return value;
    }
  };
  const isRead = (value: unknown) => value !== null && value !== undefined && isNormalised(type);
  return { ...plain, encodeRow: value => plain.encodeRow(isRead(value) ? written(value) : value) };
}

function isNormalised(type: ScalarType): boolean {
  return !type.meta || !type.prop || type.ensureComparable(type.meta, type.prop);
}

function plainCodec(prop: EntityProperty, platform: Platform, type?: ScalarType): ValueCodec {
  switch (type ? type.compareAsType() : prop.runtimeType) {
    case 'number':
      return numberCodec(prop);
    case 'boolean':
      return booleanCodec;
    case 'string':
      return textCodec(prop);
    case 'Date':
      return dateCodec(prop, platform);
    default:
      return taggedCodec(prop);
  }
}

const booleanCodec = codec(
  value => (typeof value === 'string' ? value === 'true' || value === 't' : Boolean(value)),
  stored => stored === true || /^(1|true)$/.test(textOf(stored)),
  stored => /^([01]|true|false)$/.test(textOf(stored)),
);

/** JSON columns reach the unit of work as text, and rows read by the driver as parsed values. */
const jsonCodec: ValueCodec = {
  ...codec(value => (typeof value === 'string' ? (JSON.parse(wellFormed(value)) as Json) : plainJson(value))),
  encodeRow: value => (value === null || value === undefined ? null : plainJson(value)),
};

function plainJson(value: unknown): Json {
  return JSON.parse(wellFormed(JSON.stringify(value))) as Json;
}

/** `jsonb` refuses the escape of a lone surrogate, which is all that JSON.stringify escapes of the surrogates. */
function wellFormed(json: string): string {
  return json.replace(/(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/gi, '$1\\ufffd');
}

/**
 * MikroORM 7.2 writes null elements, and the text "null", as `{null}`, which the database reads as null and MikroORM
 * as the text (core/types/ArrayType.js, `marshallArray`).
 */
function arrayCodec(prop: EntityProperty, type: ArrayType, platform: Platform): ValueCodec {
  const { toJsValue, toDbValue } = type as unknown as Record<'toJsValue' | 'toDbValue', (element: unknown) => unknown>;
  const elements = (value: unknown) =>
    typeof value !== 'string'
      ? (value as unknown[])
      : platform.unmarshallArray(value).map(element => (/^null$/i.test(element) ? null : element));
  return codec(
    value => elements(value).map(element => (element === null ? null : tag(toJsValue(element), prop.name))),
    stored => (stored as Json[]).map(element => (element === null ? null : toDbValue(untag(element)))),
    Array.isArray,
  );
}

const bytesCodec = codec(
  value => Buffer.from(value as Uint8Array).toString('base64'),
  stored => Buffer.from(stored as string, 'base64'),
  stored => typeof stored === 'string' && Buffer.from(stored, 'base64').toString('base64') === stored,
);

function decimalCodec(prop: EntityProperty): ValueCodec {
  const declared = /\(\s*\d+\s*(?:,\s*(\d+)\s*)?\)/.exec(prop.columnTypes?.[0] ?? '');
  const scale = declared ? Number(declared[1] ?? 0) : undefined;
  const rounded = (value: unknown) => roundDecimal(String(value), scale);
  return codec(rounded, rounded, isNumeric);
}

function numberCodec(prop: EntityProperty): ValueCodec {
  const isReal = /^(real|float4)$/.test(prop.columnTypes?.[0] ?? '');
  return codec(
    value => {
      const number = Number(value);
      // JSON has no NaN and no infinities; MikroORM 7.2 writes a negative zero as 0
      if (!Number.isFinite(number)) return String(number);
      return number === 0 ? 0 : isReal ? roundReal(number) : number;
    },
    stored => Number(stored),
    isNumeric,
  );
}

function isNumeric(stored: Json): boolean {
  return /^-?(\d+(\.\d*)?(e[+-]?\d+)?|Infinity)$|^NaN$/i.test(textOf(stored));
}

/** A plain value as text; nothing, which no form allows, in place of an object or an array. */
function textOf(stored: Json): string {
  return typeof stored === 'object' ? '' : String(stored);
}

function dateCodec(prop: EntityProperty, platform: Platform): ValueCodec {
  return codec(
    value => {
      const date = value instanceof Date ? value : platform.parseDate(value as string);
      return date instanceof Date ? roundDate(date, prop.length ?? 3).toISOString() : String(date);
    },
    stored => platform.parseDate(stored as string),
    stored => typeof stored === 'string' && isDate(platform.parseDate(stored)),
  );
}

/** An infinite date, which PostgreSQL has, is a number; one far away stays text until it is hydrated. */
function isDate(parsed: unknown): boolean {
  return typeof parsed === 'number' || !Number.isNaN(new Date(parsed as Date | string).getTime());
}

/** What the server makes of an interval is one of several texts for it; a row that was loaded has another one. */
const intervalCodec = codec(value => canonicalInterval(String(value)), String, isText);

/** PostgreSQL keeps a uuid in lower case, and pads `char`; history has to hold what the row holds. */
function textCodec(prop: EntityProperty): ValueCodec {
  const tagged = taggedCodec(prop);
  const column = prop.columnTypes?.[0] ?? '';
  const length = Number(/^char(?:acter)?\((\d+)\)$/.exec(column)?.[1] ?? 0);
  const canonical = (text: string) => (column === 'uuid' ? canonicalUuid(text) : text.padEnd(length));
  const isPlain = column !== 'uuid' && length === 0;
  return codec(
    value => (typeof value === 'string' && !isPlain ? canonical(value) : tagged.encode(value)),
    stored => (typeof stored === 'object' ? untag(stored) : String(stored)),
    isText,
  );
}

/** What was a number or a boolean is text as well. */
function isText(stored: Json): boolean {
  return typeof stored !== 'object' || isTagged(stored);
}

/** For columns of custom types: JSON as it is; what JSON has no word for is tagged. */
function taggedCodec(prop: EntityProperty): ValueCodec {
  return codec(value => tag(value, prop.name), untag);
}

function tag(value: unknown, attribute: string): Json {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Date) return { $revy: 'date', value: value.toISOString() };
  if (value instanceof Uint8Array) return { $revy: 'bytes', value: Buffer.from(value).toString('base64') };
  if (typeof value === 'number' && !Number.isFinite(value)) return { $revy: 'number', value: String(value) };
  if (typeof value === 'function' || typeof value === 'symbol') {
    throw new UnserialisableValueError(attribute, typeof value);
  }
  return plainJson(value);
}

function isTagged(stored: Json): stored is Record<'$revy' | 'value', string> {
  return typeof stored === 'object' && stored !== null && '$revy' in stored;
}

function untag(stored: Json): unknown {
  if (!isTagged(stored)) return stored;
  const text = stored['value'];
  switch (stored['$revy']) {
    case 'date':
      return new Date(text);
    case 'bytes':
      return Buffer.from(text, 'base64');
    case 'number':
      return Number(text);
    default:
      return stored;
  }
}
