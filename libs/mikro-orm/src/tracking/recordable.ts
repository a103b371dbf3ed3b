import { type EntityMetadata, type EntityProperty, ReferenceKind } from '@mikro-orm/core';
import { isHistoryClass } from '../model/history-classes.js';
import type { Mask } from '../model/mask.js';
import { UnknownAttributeError } from '../revy.errors.js';
import type { ResolvedOptions } from '../revy.options.js';
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

export function attributeFilter(meta: EntityMetadata, { entity, properties }: Said, options: ResolvedOptions) {
  const { exclude = [], mask = [], formerly = {} } = entity;
  for (const name of [...exclude, ...mask, ...Object.keys(formerly)]) {
    if (!(name in meta.properties)) throw new UnknownAttributeError(meta.className, name, Object.keys(meta.properties));
  }
  const says = (prop: EntityProperty) => ({ ...properties.get(prop.name), ...(prop as { revy?: object }).revy });
  const chain = (prop: EntityProperty): EntityProperty[] =>
    prop.embedded ? [prop, ...chain(meta.properties[prop.embedded[0]]!)] : [prop];
  const isSecret = (prop: EntityProperty) => options.hidden === 'mask' && isHiddenValue(prop);
  const maskSaid = (prop: EntityProperty) => {
    const { mask: said } = says(prop);
    return said || mask.includes(prop.name) || (said !== false && isSecret(prop));
  };
  return {
    has: (prop: EntityProperty) => chain(prop).every(one => says(one).track !== false && !exclude.includes(one.name)),
    maskOf: (prop: EntityProperty): Mask | undefined => {
      const masks = chain(prop).map(maskSaid);
      return masks.find(one => typeof one === 'function') ?? (masks.includes(true) || undefined);
    },
  };
}

/** A key of another row is no secret, and neither are links; JSON is one where something in it is. */
function isHiddenValue(prop: EntityProperty): boolean {
  if (prop.kind !== ReferenceKind.SCALAR && prop.kind !== ReferenceKind.EMBEDDED) return false;
  const isOneColumn = prop.object || prop.array;
  return Boolean(prop.hidden) || Boolean(isOneColumn && Object.values(prop.embeddedProps ?? {}).some(isHiddenValue));
}
