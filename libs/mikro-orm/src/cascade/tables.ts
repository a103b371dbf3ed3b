import type { EntityMetadata, EntityProperty } from '@mikro-orm/core';

/** The metadata that stands for a class's own table: the root's in single-table inheritance, else the class's. */
export function tableOf(meta: EntityMetadata): EntityMetadata {
  return isSingleTable(meta) ? meta.root : meta;
}

/** The tables that hold a part of each row of a class, its own first; several in table-per-type inheritance only. */
export function tablesOf(meta: EntityMetadata): EntityMetadata[] {
  const tables: EntityMetadata[] = [];
  for (let current: EntityMetadata | undefined = meta; current; current = current.tptParent) tables.push(current);
  return isSingleTable(meta) ? [meta.root] : tables;
}

/** Whether the metadata stands for a table: not a view, not what is embedded, not a subclass in its root's table. */
export function isTable(meta: EntityMetadata): boolean {
  if (meta.embeddable || meta.virtual || meta.view || !meta.tableName) return false;
  return tableOf(meta)._id === meta._id && (!meta.abstract || isInherited(meta));
}

/** Whether rows of a class have a part in a table. MikroORM 7.2 copies metadata; copies have the same `_id`. */
export function hasPartIn(meta: EntityMetadata, table: EntityMetadata): boolean {
  return tablesOf(meta).some(part => part._id === table._id);
}

/** Classes whose rows have a part in a table: the most derived first, so that a row is first met as what it is. */
export function classesIn(table: EntityMetadata, all: readonly EntityMetadata[]): EntityMetadata[] {
  const classes = all.filter(meta => !meta.abstract && !meta.embeddable && hasPartIn(meta, table));
  return classes.toSorted((a, b) => tablesOf(b).length - tablesOf(a).length);
}

/** The class of a row that was read from the table of single-table inheritance. */
export function classOfRow(table: EntityMetadata, row: Readonly<Record<string, unknown>>): unknown {
  const { discriminatorColumn, discriminatorMap } = table.root;
  if (!isSingleTable(table) || !discriminatorColumn || !discriminatorMap) return table.class;
  return discriminatorMap[String(row[discriminatorColumn])] ?? table.class;
}

export function isSingleTable(meta: EntityMetadata): boolean {
  return meta.root.inheritanceType === 'sti';
}

function isInherited(meta: EntityMetadata): boolean {
  return meta.root.inheritanceType === 'sti' || meta.root.inheritanceType === 'tpt';
}

/** The relations that a table has columns for; in table-per-type inheritance, not those of the tables above it. */
export function ownRelations(table: EntityMetadata): EntityProperty[] {
  const { tptParent } = table;
  return table.relations.filter(prop => !tptParent || !(prop.name in tptParent.properties));
}

/** Whether a table says itself which schema it is in. */
export function isInFixedSchema(meta: EntityMetadata): boolean {
  return meta.schema !== undefined && meta.schema !== '*';
}
