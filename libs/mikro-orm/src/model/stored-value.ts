import {
  ArrayType,
  BigIntType,
  DecimalType,
  DoubleType,
  type EntityProperty,
  FloatType,
  JsonType,
  type Platform,
  ReferenceKind,
  type Type,
  Uint8ArrayType,
} from '@mikro-orm/core';
import { UnserialisableValueError } from '../revy.errors.js';
import type { Json } from './json.js';
import { roundDate, roundDecimal, roundReal } from './rounding.js';

/** Turns the values of one property into what history stores, and back. */
export interface ValueCodec {
  /** From the unit of work's copy of the row: database values under property names. */
  encode(value: unknown): Json;
  /** From a row that the driver read; it differs from `encode` where the driver parses a column itself. */
  encodeRow(value: unknown): Json;
  /** To the form that the ORM's hydrator takes. */
  decode(stored: Json): unknown;
}

type ScalarType = Type<unknown, unknown>;

function codec(encode: (value: unknown) => Json, decode: (stored: Json) => unknown = stored => stored): ValueCodec {
  const nullable = (value: unknown) => (value === null || value === undefined ? null : encode(value));
  return { encode: nullable, encodeRow: nullable, decode: stored => (stored === null ? null : decode(stored)) };
}

/** The codec of a property that is no relation. */
export function valueCodec(prop: EntityProperty, platform: Platform): ValueCodec {
  if (prop.kind === ReferenceKind.EMBEDDED) return jsonCodec;
  return prop.customType ? customCodec(prop, prop.customType, platform) : plainCodec(prop, platform);
}

function customCodec(prop: EntityProperty, type: ScalarType, platform: Platform): ValueCodec {
  if (type instanceof JsonType) return jsonCodec;
  if (type instanceof ArrayType) return arrayCodec(type, platform);
  if (type instanceof Uint8ArrayType) return bytesCodec;
  if (type instanceof BigIntType) return codec(String);
  if (type instanceof DecimalType) return decimalCodec(prop);
  if (type instanceof FloatType || type instanceof DoubleType) return numberCodec(prop);
  return plainCodec(prop, platform, type);
}

function plainCodec(prop: EntityProperty, platform: Platform, type?: ScalarType): ValueCodec {
  switch (type ? type.compareAsType() : prop.runtimeType) {
    case 'number':
      return numberCodec(prop);
    case 'boolean':
      return codec(value => (typeof value === 'string' ? value === 'true' || value === 't' : Boolean(value)));
    case 'string':
      return taggedCodec(prop);
    case 'Date':
      return dateCodec(prop, platform);
    default:
      return taggedCodec(prop);
  }
}

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

function arrayCodec(type: ScalarType, platform: Platform): ValueCodec {
  return codec(
    value => plainJson(type.convertToJSValue(value, platform)),
    stored => type.convertToDatabaseValue(stored, platform),
  );
}

const bytesCodec = codec(
  value => Buffer.from(value as Uint8Array).toString('base64'),
  stored => Buffer.from(String(stored), 'base64'),
);

function decimalCodec(prop: EntityProperty): ValueCodec {
  const declared = /\(\s*\d+\s*,\s*(\d+)\s*\)/.exec(prop.columnTypes?.[0] ?? '')?.[1];
  return codec(value => (declared === undefined ? String(value) : roundDecimal(String(value), Number(declared))));
}

function numberCodec(prop: EntityProperty): ValueCodec {
  const isReal = /^(real|float4)$/.test(prop.columnTypes?.[0] ?? '');
  return codec(
    value => {
      const number = Number(value);
      // JSON has no NaN, no infinities and no negative zero
      if (!Number.isFinite(number) || Object.is(number, -0)) return Object.is(number, -0) ? '-0' : String(number);
      return isReal ? roundReal(number) : number;
    },
    stored => Number(stored),
  );
}

function dateCodec(prop: EntityProperty, platform: Platform): ValueCodec {
  return codec(
    value => {
      const date = value instanceof Date ? value : platform.parseDate(value as string);
      return date instanceof Date ? roundDate(date, prop.length ?? 3).toISOString() : String(date);
    },
    stored => platform.parseDate(String(stored)),
  );
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

function untag(stored: Json): unknown {
  if (stored === null || typeof stored !== 'object' || Array.isArray(stored)) return stored;
  const text = String(stored['value']);
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
