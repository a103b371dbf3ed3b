import { EntityHelper, Reference, Utils } from '@mikro-orm/core';
import { adopted, type AttributedEntity, properties } from './attribution-state.js';

/**
 * Makes a new instance say who sets its properties.
 *
 * ES class fields are defined on the instance, past every setter of the prototype. What they hold by now is
 * credited to the current frame. Takes new entities along that this one refers to. Idempotent.
 */
export function adoptNewEntity(entity: object): void {
  // A list, not a recursion: new graphs can be deep.
  const waiting = [entity];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (EntityHelper.isEntity(next) && !adopted.has(next)) {
      adopted.add(next);
      adoptFields(next as unknown as AttributedEntity);
      waiting.push(...newRelatives(next as unknown as AttributedEntity));
    }
  }
}

function adoptFields(entity: AttributedEntity): void {
  for (const { name, own } of properties.get(entity.__meta.prototype as object) ?? []) {
    const field = own && Object.getOwnPropertyDescriptor(entity, name);
    if (field && 'value' in field) {
      adoptField(entity, name, own, field.value);
    }
  }
}

function adoptField(entity: AttributedEntity, name: string, own: PropertyDescriptor, value: unknown): void {
  Object.defineProperty(entity, name, own);
  if (value !== undefined) {
    entity[name] = value;
  }
}

function newRelatives(entity: AttributedEntity): object[] {
  return entity.__meta.relations.flatMap(prop => related(entity[prop.name])).filter(isNew);
}

function related(value: unknown): object[] {
  if (Utils.isCollection(value)) {
    return value.getItems(false) as object[];
  }
  const target: unknown = Reference.unwrapReference(value as object);
  return EntityHelper.isEntity(target) ? [target as object] : [];
}

function isNew(entity: object): boolean {
  const { __managed: isManaged, __originalEntityData: stored } = (entity as AttributedEntity).__helper;
  return !isManaged && !stored;
}
