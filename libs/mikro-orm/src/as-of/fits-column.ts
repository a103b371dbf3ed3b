import type { EntityProperty } from '@mikro-orm/core';
import { quoteText } from '../model/quote.js';
import { castType, type StoredSql, storedForm, taggedText } from './stored-column.js';

/**
 * Whether a stored value can be one of the column: it may be of a time when the attribute had another type, and a cast
 * that fails would fail the whole statement. SQL of a condition, which is not false for null and for what is missing;
 * none where all can be read.
 *
 * What snapshots can decode (`ValueCodec.canDecode`), unless the column has no room for it.
 */
export function fitsColumn(prop: EntityProperty, columnType: string, stored: StoredSql): string | undefined {
  const form = storedForm(prop);
  if (form === 'json') return undefined;
  if (form === 'bytes') return `${stored.text} ~ '^[A-Za-z0-9+/]*={0,2}$' and length(${stored.text}) % 4 = 0`;
  const type = castType(prop, columnType);
  if (form === 'array') return fitsArray(type.replace(/\[\]$/, ''), stored.json);
  if (prop.hasConvertToDatabaseValueSQL || /^jsonb?$/i.test(type)) return undefined;
  const largest = LARGEST[baseType(type)];
  if (largest && form === 'text') return fitsInteger(stored, largest);
  const text = form === 'tagged' ? taggedText(stored) : stored.text;
  const isEnum = (prop as { nativeEnumName?: string }).nativeEnumName !== undefined;
  const fits = isEnum ? fitsEnum(type, text) : fitsType(type, text);
  const isOfForm = form === 'tagged' ? isTagged(stored.json) : isPlain(stored.json);
  return fits ? `(${isOfForm} and (${fits}))` : isOfForm;
}

function isPlain(json: string): string {
  return `jsonb_typeof(${json}) not in ('object', 'array')`;
}

/** A custom type is free in what it stores. */
function isTagged(json: string): string {
  return `(jsonb_typeof(${json}) <> 'object' or ${json} ? '$revy')`;
}

function fitsEnum(type: string, text: string): string {
  return `${text} = any(enum_range(null::${type})::text[])`;
}

/** An element that is null fits each type. */
function fitsArray(type: string, json: string): string {
  const fits = fitsType(type, 'e.value');
  const elements = `select from jsonb_array_elements_text(${json}) e(value)`;
  const all = fits ? `not exists (${elements} where not (${fits}))` : 'true';
  return `case when jsonb_typeof(${json}) = 'array' then ${all} when jsonb_typeof(${json}) <> 'null' then false end`;
}

const NUMBER = String.raw`'^(-?(\d+(\.\d*)?(e[+-]?\d+)?|Infinity)|NaN)$'`;
const DAY = String.raw`'^[+-]?\d{4,6}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(\D|$)|^-?infinity$'`;
const UUID = String.raw`'^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'`;

const LARGEST: Readonly<Record<string, string>> = {
  smallint: '32767',
  int2: '32767',
  integer: '2147483647',
  int: '2147483647',
  int4: '2147483647',
  bigint: '9223372036854775807',
  int8: '9223372036854775807',
};

function baseType(type: string): string {
  return /^[a-z0-9 ]*[a-z0-9]/.exec(type.toLowerCase())?.[0] ?? '';
}

/** The same for text, by the types whose values have a form. */
function fitsType(type: string, text: string): string | undefined {
  const name = baseType(type);
  const largest = LARGEST[name];
  if (largest) return fitsIntegerText(text, largest);
  if (/^(numeric|decimal)$/.test(name)) return fitsNumeric(type, text);
  if (/^(real|float4|float8|float|double precision)$/.test(name)) return `${text} ~* ${NUMBER}`;
  if (/^bool(ean)?$/.test(name)) return `${text} ~ '^([01]|true|false)$'`;
  if (name === 'uuid') return `${text} ~* ${UUID}`;
  return /^(date|timestamp)/.test(name) ? `${text} ~* ${DAY}` : undefined;
}

/** Mostly a number, of which no text has to be made. */
function fitsInteger({ json, text }: StoredSql, largest: string): string {
  const number = `(${json})::numeric`;
  return `case jsonb_typeof(${json}) when 'string' then ${fitsIntegerText(text, largest)}
    when 'number' then ${number} between -${largest} - 1 and ${largest} and scale(${number}) = 0
    when 'boolean' then false when 'object' then false when 'array' then false end`;
}

function fitsIntegerText(text: string, largest: string): string {
  const inRange = `${text}::numeric between -${largest} - 1 and ${largest}`;
  return `case when ${text} ~ ${String.raw`'^-?\d{1,19}$'`} then ${inRange} when ${text} is not null then false end`;
}

function fitsNumeric(type: string, text: string): string {
  const [, precision, scale = '0'] = /\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)/.exec(type) ?? [];
  if (precision === undefined) return `${text} ~* ${NUMBER}`;
  const largest = quoteText(`1e${Number(precision) - Number(scale)}`);
  const inRange = `${text} = 'NaN' or abs(round(${text}::numeric, ${scale})) < ${largest}::numeric`;
  return `case when ${text} ~* ${NUMBER} then ${inRange} when ${text} is not null then false end`;
}
