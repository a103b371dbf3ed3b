import { type EntityMetadata, type EntityProperty, type Platform, ReferenceKind } from '@mikro-orm/core';
import { keyForm, keyOfId } from '../model/past-index.js';
import { quoteName, quoteText } from '../model/quote.js';
import { columnSql, timeZone } from './stored-column.js';

/** A column of a primary key, or of a foreign key that refers to one. */
export interface KeyPart {
  readonly column: string;
  readonly columnType: string;
  /** The property that holds the value itself, at the end of the relations that the key is made of. */
  readonly prop: EntityProperty;
}

/** The columns of a class's primary key, in the order of its object ids. */
export function keyParts(meta: EntityMetadata): KeyPart[] {
  return meta.primaryKeys.flatMap(name => partsOf(meta.properties[name] as EntityProperty));
}

/** The columns of a property that is a key, or a relation to what has it. */
export function partsOf(prop: EntityProperty): KeyPart[] {
  const isRelation = prop.kind !== ReferenceKind.SCALAR && prop.targetMeta;
  const leaves = isRelation ? keyParts(prop.targetMeta!).map(part => part.prop) : [prop];
  return leaves.map((leaf, index) => ({
    column: prop.fieldNames[index]!,
    columnType: prop.columnTypes[index] ?? leaf.columnTypes[0]!,
    prop: leaf,
  }));
}

/** The object id of the row `alias`, as `keyText` writes it. */
export function objectIdSql(parts: readonly KeyPart[], alias: string, platform: Platform): string {
  const [part] = parts;
  if (parts.length === 1 && !isTagged(part!)) return textSql(part!, alias, platform);
  return `('[' || ${parts.map(each => jsonSql(each, alias, platform)).join(` || ',' || `)} || ']')`;
}

/** The key of the row `alias` as it stands among the links of a collection, as `jsonb`. */
export function linkKeySql(parts: readonly KeyPart[], alias: string, platform: Platform): string {
  const [first] = parts;
  return parts.length === 1
    ? `${jsonSql(first!, alias, platform)}::jsonb`
    : `('[' || ${parts.map(part => jsonSql(part, alias, platform)).join(` || ',' || `)} || ']')::jsonb`;
}

/** Whether the index of deletions and links has the keys themselves, and in which form. */
export function indexedForm(parts: readonly KeyPart[]): string | undefined {
  const [part] = parts;
  return parts.length === 1 && !isTagged(part!) ? keyForm(part!.columnType) : undefined;
}

/** The values of a key's columns from the object id of the delta `d`, which is of one of these types. */
export function keyFromId(parts: readonly KeyPart[], types: string, platform: Platform): string[] {
  const form = indexedForm(parts);
  if (form) return [withCollation(parts[0]!, `${keyOfId(form, 'd.object_id')}${castOf(parts[0]!)}`)];
  const isJson = parts.length > 1 || isTagged(parts[0]!);
  return parts.map((part, index) => {
    const stored = isJson
      ? { json: `(d.object_id::jsonb -> ${index})`, text: `(d.object_id::jsonb ->> ${index})` }
      : { json: 'to_jsonb(d.object_id)', text: 'd.object_id' };
    // other types have ids of other forms
    const value = `case when d.object_type = any(${types}) then ${columnSql(part.prop, part.columnType, stored, platform)} end`;
    return withCollation(part, value);
  });
}

/** Both are stored alike, and a union of unlike columns could not be searched by an index. */
function castOf({ columnType }: KeyPart): string {
  return /^(varchar|character varying)\b/i.test(columnType) ? '::varchar' : '';
}

function withCollation({ prop }: KeyPart, sql: string): string {
  return prop.collation ? `(${sql}) collate ${quoteName(prop.collation)}` : sql;
}

/** Keys whose custom type stores what JSON has no word for. */
function isTagged({ prop, columnType }: KeyPart): boolean {
  return prop.customType?.compareAsType() === 'any' && /^(timestamp|bytea)/i.test(columnType);
}

function textSql({ column, columnType }: KeyPart, alias: string, platform: Platform): string {
  const value = `${alias}.${quoteName(column)}`;
  if (/^bytea$/i.test(columnType)) return `translate(encode(${value}, 'base64'), E'\\n', '')`;
  if (/^timestamp/i.test(columnType)) return isoSql(value, columnType, platform);
  const padded = /^char(?:acter)?\((\d+)\)$/i.exec(columnType);
  return padded ? `rpad(${value}::text, ${padded[1]})` : `${value}::text`;
}

function isoSql(value: string, columnType: string, platform: Platform): string {
  const hasZone = /timestamptz|with time zone/i.test(columnType);
  const instant = hasZone ? value : `${value} at time zone ${quoteText(timeZone(platform))}`;
  return `to_char(${instant} at time zone 'UTC', ${quoteText('YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')})`;
}

/** As `JSON.stringify` writes it; `to_json` escapes the same characters. */
function jsonSql(part: KeyPart, alias: string, platform: Platform): string {
  const { customType, runtimeType } = part.prop;
  const value = `${alias}.${quoteName(part.column)}`;
  if (!customType && /^(number|boolean)$/.test(runtimeType)) return `to_json(${value})::text`;
  const text = `to_json(${textSql(part, alias, platform)})::text`;
  if (!isTagged(part)) return text;
  const kind = /^bytea/i.test(part.columnType) ? 'bytes' : 'date';
  return `'{"$revy":"${kind}","value":' || ${text} || '}'`;
}
