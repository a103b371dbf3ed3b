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
import { type KeyColumn, keyColumns } from './stored-key.js';

/**
 * SQL that makes of the columns of a property the `jsonb` that its codec makes of the row that the driver reads;
 * `undefined` where only JavaScript can. SQL `null` stands for JSON `null`.
 *
 * @param columns quoted, with the alias of their table
 */
export function storedSql(prop: EntityProperty, columns: readonly string[], platform: Platform): string | undefined {
  if (columns.length === 0) return undefined;
  if (prop.kind === ReferenceKind.EMBEDDED) return hasPlainNames(prop) ? `to_jsonb(${columns[0]})` : undefined;
  if (prop.kind === ReferenceKind.SCALAR) return scalarSql(prop, columns[0]!);
  if (prop.polymorphic || prop.targetKey || !prop.targetMeta) return undefined;
  const parts = keySql(keyColumns(prop.targetMeta, platform), columns);
  if (!parts || parts.length === 1) return parts?.[0];
  const isSet = columns.map(column => `${column} is not null`).join(' and ');
  return `case when ${isSet} then jsonb_build_array(${parts.join(', ')}) end`;
}

/** SQL for the text that an object's id is; `undefined` where only JavaScript can make it. */
export function objectIdSql(keys: readonly KeyColumn[], columns: readonly string[]): string | undefined {
  const parts = keys.some(({ prop }) => FRACTION.test(columnType(prop))) ? undefined : keySql(keys, columns);
  if (!parts || parts.length === 1) return parts && `(${parts[0]}) #>> '{}'`;
  // as JSON.stringify writes an array; PostgreSQL puts a space behind each comma
  return `'[' || ${parts.map(part => `(${part})::text`).join(` || ',' || `)} || ']'`;
}

/** SQL for the key of an object at the other end of a link, in stored form; `undefined` where only JavaScript can. */
export function targetKeySql(keys: readonly KeyColumn[], columns: readonly string[]): string | undefined {
  const parts = keySql(keys, columns);
  return parts && (parts.length === 1 ? parts[0] : `jsonb_build_array(${parts.join(', ')})`);
}

function keySql(keys: readonly KeyColumn[], columns: readonly string[]): string[] | undefined {
  const parts = keys.flatMap(({ prop }, index) => scalarSql(prop, columns[index] ?? '') ?? []);
  return parts.length === keys.length && keys.length === columns.length ? parts : undefined;
}

/** Follows the codecs of stored-value.ts, for the column types whose text the two sides agree on. */
function scalarSql(prop: EntityProperty, column: string): string | undefined {
  const { customType: type } = prop;
  const declared = columnType(prop);
  if (!type) return plainSql(prop, column, prop.runtimeType);
  if (type instanceof JsonType) return JSON_COLUMN.test(declared) ? `to_jsonb(${column})` : undefined;
  // the driver would read it through SQL of the type's own
  if (type.convertToJSValueSQL) return undefined;
  if (type instanceof ArrayType) return arraySql(type, declared, column);
  if (type instanceof Uint8ArrayType) return declared === 'bytea' ? bytesSql(column) : undefined;
  if (type instanceof BigIntType || type instanceof DecimalType) return `to_jsonb(${column}::text)`;
  if (type instanceof FloatType || type instanceof DoubleType) return numberSql(declared, column);
  if (type instanceof IntervalType) return `to_jsonb(${column}::text)`;
  return plainSql(prop, column, type.compareAsType());
}

function plainSql(prop: EntityProperty, column: string, kind: string): string | undefined {
  const declared = columnType(prop);
  const isText = TEXT.test(declared) || (kind === 'string' && prop.nativeEnumName !== undefined);
  switch (kind) {
    case 'number':
      return numberSql(declared, column);
    case 'boolean':
      return BOOLEAN.test(declared) ? `to_jsonb(${column})` : undefined;
    case 'Date':
      return TIMESTAMP.test(declared) ? dateSql(column) : undefined;
    case 'string':
      return isText ? `to_jsonb(${column})` : undefined;
    default:
      return isText || JSON_COLUMN.test(declared) || INTEGER.test(declared) || BOOLEAN.test(declared)
        ? `to_jsonb(${column})`
        : undefined;
  }
}

const INTEGER = /^(small|big)?(int|serial)(2|4|8|eger)?$|^smallserial$/;
const FRACTION = /^(real|float|double|numeric|decimal)/;
const BOOLEAN = /^bool(ean)?$/;
const JSON_COLUMN = /^jsonb?$/;
const TEXT = /^(text|varchar|char(acter)?( varying)?|citext|uuid|date|time|inet|cidr|macaddr8?)(\(\d+\))?$/;
const TIMESTAMP = /^(timestamptz(\(\d\))?|timestamp(\(\d\))? with time zone)$/;

function columnType({ columnTypes }: EntityProperty): string {
  return columnTypes?.[0]?.toLowerCase() ?? '';
}

/** A negative zero, which JSON has and the codecs do not, becomes a positive one. */
function numberSql(declared: string, column: string): string | undefined {
  if (/^(smallint|int|integer|int2|int4|smallserial|serial)$/.test(declared)) return `to_jsonb(${column})`;
  if (/^(real|float4)$/.test(declared)) return `to_jsonb(${column} + '0'::float4)`;
  return FRACTION.test(declared) ? `to_jsonb(${column}::float8 + '0'::float8)` : undefined;
}

/** PostgreSQL breaks the lines of base64. */
function bytesSql(column: string): string {
  return `to_jsonb(translate(encode(${column}, 'base64'), E'\\n', ''))`;
}

/** As `Date.prototype.toISOString()` writes it, far dates included; what is infinite, as a number's text. */
function dateSql(column: string): string {
  const local = `(${column} at time zone 'UTC')`;
  const year = `(extract(year from ${local})::int + case when ${column} < '0001-01-01Z' then 1 else 0 end)`;
  const rest = `to_char(${local}, '-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  return `to_jsonb(case
    when ${column} >= '0001-01-01Z' and ${column} < '10000-01-01Z' then to_char(${local}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
    when ${column} = 'infinity' then 'Infinity' when ${column} = '-infinity' then '-Infinity'
    when ${year} = 0 then '0000' || ${rest}
    else case when ${year} < 0 then '-' else '+' end || lpad(abs(${year})::text, 6, '0') || ${rest} end)`;
}

/** What an array's elements become is a function of the type: known are the two that everybody uses. */
function arraySql(type: ArrayType, declared: string, column: string): string | undefined {
  const { toJsValue } = type as unknown as { toJsValue: (element: unknown) => unknown };
  const probes = ['1', '-2.5', ' a', ''];
  if (probes.every(probe => toJsValue(probe) === probe) && declared.endsWith('[]')) {
    return `to_jsonb(${column}::text[])`;
  }
  return toJsValue === Number && /^(int[248]?|integer|smallint)\[\]$/.test(declared)
    ? `to_jsonb(${column})`
    : undefined;
}

/** An embeddable in one column, whose values the ORM finds under the names of its properties. */
function hasPlainNames(prop: EntityProperty): boolean {
  return Object.entries(prop.embeddedProps ?? {}).every(([name, embedded]) => {
    const isPlain = (embedded.fieldNames?.[0] ?? name) === name;
    return isPlain && (embedded.kind !== ReferenceKind.EMBEDDED || hasPlainNames(embedded));
  });
}
