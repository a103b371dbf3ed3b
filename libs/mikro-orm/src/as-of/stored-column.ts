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
  Uint8ArrayType,
} from '@mikro-orm/core';
import { quoteName, quoteText } from '../model/quote.js';

/** Two ways to read one stored value in SQL: as `jsonb`, and as text. */
export interface StoredSql {
  readonly json: string;
  readonly text: string;
}

/** The value of an attribute in a `jsonb` of values. */
export function attributeSql(values: string, name: string): StoredSql {
  return { json: `(${values} -> ${quoteText(name)})`, text: `(${values} ->> ${quoteText(name)})` };
}

/** An element of a stored array. */
export function elementSql({ json }: StoredSql, index: number): StoredSql {
  return { json: `(${json} -> ${index})`, text: `(${json} ->> ${index})` };
}

/** What history stores for a property that is no relation; see `valueCodec`, whose other direction this is. */
type StoredForm = 'json' | 'array' | 'bytes' | 'text' | 'tagged';

export function storedForm({ kind, customType, runtimeType }: EntityProperty): StoredForm {
  if (kind === ReferenceKind.EMBEDDED || customType instanceof JsonType) return 'json';
  if (customType instanceof ArrayType) return 'array';
  if (customType instanceof Uint8ArrayType) return 'bytes';
  const isText = [BigIntType, DecimalType, FloatType, DoubleType, IntervalType].some(
    type => customType instanceof type,
  );
  const comparedAs = customType ? customType.compareAsType() : runtimeType;
  return isText || /^(number|boolean|Date)$/.test(comparedAs) || (!customType && comparedAs === 'string')
    ? 'text'
    : 'tagged';
}

/** The column's value, with the column's type, from what history stores of it. */
export function columnSql(prop: EntityProperty, columnType: string, stored: StoredSql, platform: Platform): string {
  const type = castType(prop, columnType);
  switch (storedForm(prop)) {
    case 'json':
      return `nullif(${stored.json}, 'null')::${type}`;
    case 'bytes':
      return `decode(${stored.text}, 'base64')`;
    case 'array':
      return arraySql(stored, type);
    case 'text':
      return convert(prop, type, stored.text, platform);
    case 'tagged':
      return taggedSql(prop, type, stored, platform);
  }
}

/** Types by which a column is declared, and which are none. */
const SERIALS: Readonly<Record<string, string>> = { serial: 'integer', bigserial: 'bigint', smallserial: 'smallint' };

/** The column's type as a cast names it. */
export function castType(prop: EntityProperty, columnType: string): string {
  const { nativeEnumName } = prop as { nativeEnumName?: string };
  if (nativeEnumName) return nativeEnumName.split('.').map(quoteName).join('.');
  return SERIALS[columnType.toLowerCase()] ?? columnType;
}

function convert(prop: EntityProperty, type: string, text: string, platform: Platform): string {
  if (/^timestamp\b(?!.*with time zone)/i.test(type)) {
    return `(${text}::timestamptz at time zone ${quoteText(timeZone(platform))})::${type}`;
  }
  const sql = prop.hasConvertToDatabaseValueSQL
    ? prop.customType?.convertToDatabaseValueSQL?.(text, platform)
    : undefined;
  return sql === undefined ? `${text}::${type}` : `(${sql})::${type}`;
}

/** The zone in which the ORM reads and writes columns that have none. */
export function timeZone(platform: Platform): string {
  const zone = platform.getTimezone();
  if (zone === 'local') return Intl.DateTimeFormat().resolvedOptions().timeZone;
  // PostgreSQL counts the offsets of zones without a name the other way round
  const offset = /^([+-])(\d\d):?(\d\d)$/.exec(zone ?? '');
  return offset ? `${offset[1] === '+' ? '-' : '+'}${offset[2]}:${offset[3]}` : 'UTC';
}

/** Elements keep their order; one that JSON has no word for is tagged. */
function arraySql({ json }: StoredSql, type: string): string {
  const element = `case jsonb_typeof(e.value) when 'object' then ${untaggedText('e.value')} else e.value #>> '{}' end`;
  const elements = `select ${element} from jsonb_array_elements(${json}) with ordinality e(value, place) order by e.place`;
  return `case when jsonb_typeof(${json}) = 'array' then array(${elements})::${type} end`;
}

/** Bytes in the form in which they are read from text. */
function untaggedText(json: string): string {
  const bytes = `'\\x' || encode(decode(${json} ->> 'value', 'base64'), 'hex')`;
  return `case ${json} ->> '$revy' when 'bytes' then ${bytes} else ${json} ->> 'value' end`;
}

/** Values of custom types: JSON as it is, and what JSON has no word for tagged. */
function taggedSql(prop: EntityProperty, type: string, stored: StoredSql, platform: Platform): string {
  if (/^jsonb?$/i.test(type)) {
    return `(case jsonb_typeof(${stored.json}) when 'string' then ${stored.text}::jsonb when 'null' then null else ${stored.json} end)::${type}`;
  }
  return convert(prop, type, taggedText(stored), platform);
}

/** What stands for a value as text, be it tagged or not. */
export function taggedText({ json, text }: StoredSql): string {
  return `(case jsonb_typeof(${json}) when 'object' then ${untaggedText(json)} else ${text} end)`;
}
