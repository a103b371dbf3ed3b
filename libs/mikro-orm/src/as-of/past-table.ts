import { type EntityMetadata, type EntityProperty, type Platform, ReferenceKind } from '@mikro-orm/core';
import { quoteName, quoteText } from '../model/quote.js';
import type { TrackedAttribute, TrackedEntity } from '../tracking/tracked-entities.js';
import { fitsColumn } from './fits-column.js';
import { type KeyPart, keyParts, partsOf } from './key-sql.js';
import { attributeSql, columnSql, elementSql, type StoredSql } from './stored-column.js';

/** How a column's value is read from the values of an attribute. */
export interface ColumnSource {
  /** Without one, nobody knows what the column held. */
  readonly read?: (values: string) => ReadColumn;
  readonly property: string;
}

/** How SQL reads a column's value. */
export interface ReadColumn {
  /** Fails where what is stored does not fit. */
  readonly sql: string;
  /** Whether what is stored can be read as such a value; without one, it always can. */
  readonly fits: string | undefined;
}

/** A column that is no part of the key, by the stored types of the classes that have it. */
export interface PastColumn {
  readonly name: string;
  readonly sources: ReadonlyMap<string, ColumnSource>;
}

/** One of the classes of a table. */
export interface PastClass {
  /** The stored type. */
  readonly type: string;
  /** What a complete state of an object has. */
  readonly attributes: readonly string[];
  /** Attributes that had other names, the latest first. */
  readonly renamed: readonly (readonly [attribute: string, former: readonly string[]])[];
  /** Properties that nobody knows: excluded, masked, or counted by the ORM. */
  readonly unknown: readonly string[];
}

/** The table of one or more classes, as far as its past can be told. */
export interface PastTable {
  readonly live: string;
  readonly platform: Platform;
  readonly classes: readonly PastClass[];
  readonly key: readonly KeyPart[];
  /** Where one table holds several classes: the column that tells them apart, and its value for each stored type. */
  readonly discriminator?: { readonly column: string; readonly values: ReadonlyMap<string, string | number> };
  readonly columns: readonly PastColumn[];
}

/** A table's name for SQL text; without a schema it is found by the connection's search path. */
export function liveName(schema: string | undefined, table: string): string {
  return [schema, table]
    .filter(name => name !== undefined)
    .map(quoteName)
    .join('.');
}

/** The stored type of a row, from the column that tells its class; none for a class that is not tracked. */
export function typeOfRow({ discriminator }: PastTable, alias: string): string {
  const { column, values } = discriminator!;
  const cases = [...values].map(([type, value]) => `when ${quoteText(String(value))} then ${quoteText(type)}`);
  return `case ${alias}.${quoteName(column)} ${cases.join(' ')} end`;
}

/** @param metas all classes whose rows the table holds, the most general first */
export function pastTable(
  metas: readonly EntityMetadata[],
  classes: readonly TrackedEntity[],
  schema: string | undefined,
): PastTable {
  const [general] = metas as [EntityMetadata];
  const { platform } = classes[0]!;
  const key = keyParts(general);
  const keyColumns = new Set(key.map(part => part.column));
  const discriminator = discriminatorOf(general, classes);
  const names = new Set(metas.flatMap(columnProps).flatMap(prop => prop.fieldNames));
  const isOther = (name: string) => !keyColumns.has(name) && name !== discriminator?.column;
  const columns = [...names].filter(isOther).map(name => columnOf(name, general, classes));
  return {
    live: liveName(schema, general.tableName),
    platform,
    classes: classes.map(classOf),
    key,
    discriminator,
    columns,
  };
}

function classOf({ meta, type, attributes, names }: TrackedEntity): PastClass {
  const isKnown = ({ name }: { name: string }) => attributes.get(name)?.isMasked === false;
  const isKey = (prop: EntityProperty) => prop.primary || prop.name === meta.root.discriminatorColumn;
  const others = meta.props.filter(prop => hasColumn(prop) && !isKey(prop));
  return {
    type,
    attributes: [...attributes.values()].filter(isKnown).map(({ name }) => name),
    renamed: [...attributes.keys()]
      .map(name => [name, names.of(name).slice(1)] as const)
      .filter(([, former]) => former.length > 0),
    unknown: others.filter(prop => !isKnown(prop)).map(({ name }) => name),
  };
}

/** Properties with columns in the class's own table. */
function columnProps(meta: EntityMetadata): EntityProperty[] {
  const props = meta.inheritanceType === 'tpt' && meta.ownProps ? meta.ownProps : meta.props;
  return props.filter(hasColumn);
}

function hasColumn(prop: EntityProperty): boolean {
  const isRelation = prop.kind !== ReferenceKind.SCALAR && prop.kind !== ReferenceKind.EMBEDDED;
  const isOtherSide = isRelation && prop.kind !== ReferenceKind.MANY_TO_ONE && !prop.owner;
  const isCollection = prop.kind === ReferenceKind.MANY_TO_MANY;
  return !isOtherSide && !isCollection && prop.persist !== false && !prop.formula && prop.columnTypes?.length > 0;
}

function discriminatorOf(meta: EntityMetadata, classes: readonly TrackedEntity[]): PastTable['discriminator'] {
  const name = meta.root.discriminatorColumn as string | undefined;
  if (name === undefined || meta.root.inheritanceType === 'tpt') return undefined;
  const [column = name] = meta.root.properties[name]?.fieldNames ?? [];
  const values = new Map(classes.map(({ type, meta: { discriminatorValue } }) => [type, discriminatorValue!]));
  return { column, values };
}

function columnOf(name: string, table: EntityMetadata, classes: readonly TrackedEntity[]): PastColumn {
  const sources = new Map<string, ColumnSource>();
  for (const tracked of classes) {
    const props = columnProps(table.inheritanceType === 'tpt' ? table : tracked.meta);
    const named = props.filter(prop => prop.fieldNames.includes(name));
    if (named.length > 0) sources.set(tracked.type, sourceOf(name, named, tracked));
  }
  return { name, sources };
}

/** Several properties may share a column; whichever is recorded tells its value. */
function sourceOf(name: string, props: readonly EntityProperty[], tracked: TrackedEntity): ColumnSource {
  const known = props.map(prop => tracked.attributes.get(prop.name)).find(each => each && !each.isMasked);
  if (!known) return { property: props[0]!.name };
  const index = known.prop.fieldNames.indexOf(name);
  return { property: known.name, read: values => readColumn(known, index, values, tracked.platform) };
}

function readColumn({ name, prop }: TrackedAttribute, index: number, values: string, platform: Platform): ReadColumn {
  const stored = attributeSql(values, name);
  const columnType = prop.columnTypes[index]!;
  if (prop.kind !== ReferenceKind.MANY_TO_ONE && prop.kind !== ReferenceKind.ONE_TO_ONE) {
    return readAs(prop, columnType, stored, platform);
  }
  if (prop.polymorphic) return readPolymorphic(prop, index, stored, platform);
  if (prop.targetKey && prop.targetMeta) {
    return readAs(prop.targetMeta.properties[prop.targetKey] as EntityProperty, columnType, stored, platform);
  }
  const parts = partsOf(prop);
  const part = parts.length === 1 ? stored : elementSql(stored, index);
  return readAs(parts[index]!.prop, columnType, part, platform);
}

function readAs(prop: EntityProperty, columnType: string, stored: StoredSql, platform: Platform): ReadColumn {
  return { sql: columnSql(prop, columnType, stored, platform), fits: fitsColumn(prop, columnType, stored) };
}

/** Stored as the discriminator and the key; the columns stand in the same order. */
function readPolymorphic(prop: EntityProperty, index: number, stored: StoredSql, platform: Platform): ReadColumn {
  if (index === 0) return { sql: `${elementSql(stored, 0).text}::${prop.columnTypes[0]}`, fits: undefined };
  const [target] = prop.polymorphTargets ?? [];
  const leaves = target ? keyParts(target) : [];
  const id = elementSql(stored, 1);
  const part = leaves.length > 1 ? elementSql(id, index - 1) : id;
  const leaf = leaves[index - 1]?.prop ?? prop;
  return readAs(leaf, prop.columnTypes[index] ?? leaf.columnTypes[0]!, part, platform);
}
