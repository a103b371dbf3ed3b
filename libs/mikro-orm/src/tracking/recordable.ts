import { type EntityMetadata, type EntityProperty, ReferenceKind } from '@mikro-orm/core';
import { isHistoryClass } from '../model/history-classes.js';
import type { Mask } from '../model/mask.js';
import { UnknownAttributeError } from '../revy.errors.js';
import type { Said } from './said-of.js';

export function isRecordable(meta: EntityMetadata): boolean {
  const isRow = !meta.embeddable && !meta.virtual && !meta.view && meta.primaryKeys?.length > 0;
  return isRow && !isLinkTable(meta) && !isHistoryClass(meta.class);
}

/** MikroORM 7.2 marks an application's own pivot entities alike, and names only its own for their table. */
function isLinkTable(meta: EntityMetadata): boolean {
  return meta.pivotTable === true && meta.className === meta.tableName;
}

export function isAttribute(prop: EntityProperty, meta: EntityMetadata): boolean {
  const isKey = Boolean(prop.primary);
  const isDiscriminator = prop.name === meta.root.discriminatorColumn;
  return (
    !isKey && !isDiscriminator && (meta.comparableProps.includes(prop) || isGenerated(prop)) && !isInlineEmbedded(prop)
  );
}

/** Columns that the database computes are not compared by the ORM, but it reads them back after each write. */
export function isGenerated(prop: EntityProperty): boolean {
  return Boolean(prop.generated) && prop.persist !== false;
}

export function isInlineEmbedded(prop: EntityProperty): boolean {
  return prop.kind === ReferenceKind.EMBEDDED && !prop.object && !prop.array;
}

export function attributeFilter(meta: EntityMetadata, { entity, properties }: Said) {
  const { exclude = [], mask = [], formerly = {} } = entity;
  for (const name of [...exclude, ...mask, ...Object.keys(formerly)]) {
    if (!(name in meta.properties)) throw new UnknownAttributeError(meta.className, name, Object.keys(meta.properties));
  }
  const says = (prop: EntityProperty) => ({ ...properties.get(prop.name), ...(prop as { revy?: object }).revy });
  const chain = (prop: EntityProperty) => [prop, ...(prop.embedded ? [meta.properties[prop.embedded[0]]!] : [])];
  return {
    has: (prop: EntityProperty) => chain(prop).every(one => says(one).track !== false && !exclude.includes(one.name)),
    maskOf: (prop: EntityProperty): Mask | undefined => {
      const masks = chain(prop).map(one => says(one).mask || mask.includes(one.name));
      return masks.find(one => typeof one === 'function') ?? (masks.includes(true) || undefined);
    },
  };
}
