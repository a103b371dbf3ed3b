import type { EntityMetadata, EntityProperty } from '@mikro-orm/core';
import { marksOf } from '../tracking/tracking-marks.js';
import type { OnDeleteHandler } from './on-delete.js';

/** What an application says of one relation, on the property or on its class; subclasses speak for a shared table. */
export function handlerOf(prop: EntityProperty, classes: readonly EntityMetadata[]): OnDeleteHandler | undefined {
  for (const meta of classes) {
    const handler = saidBy(meta, prop.name);
    if (handler) return handler;
  }
  return undefined;
}

/** The names that a class has handlers for. */
export function handledNames(meta: EntityMetadata): string[] {
  const names = new Set(meta.props.map(prop => prop.name).filter(name => saidBy(meta, name)));
  for (const said of [meta.revy, ...marksOf(meta.class).map(mark => mark.entity)]) {
    for (const name of Object.keys(said?.onDelete ?? {})) names.add(name);
  }
  return [...names];
}

function saidBy(meta: EntityMetadata, name: string): OnDeleteHandler | undefined {
  const prop = meta.properties[name as never] as EntityProperty & { revy?: { onDelete?: OnDeleteHandler } };
  if (prop?.revy?.onDelete) return prop.revy.onDelete;
  if (meta.revy?.onDelete?.[name]) return meta.revy.onDelete[name];
  for (const marks of marksOf(meta.class)) {
    const handler = marks.properties.get(name)?.onDelete ?? marks.entity?.onDelete?.[name];
    if (handler) return handler;
  }
  return undefined;
}
