import { type Dictionary, EntityHelper, type EntityMetadata, helper, Reference, ReferenceKind } from '@mikro-orm/core';

/** What an object has of its own; relations by key, because they belong to another entity manager. */
export function copiedValues(meta: EntityMetadata, entity: object, unknown: readonly string[]): Dictionary {
  const values: Dictionary = {};
  for (const prop of meta.props) {
    const isOwn = prop.persist !== false && !prop.primary && !prop.version && !prop.generated && !prop.embedded;
    const isMany = prop.kind === ReferenceKind.ONE_TO_MANY || prop.kind === ReferenceKind.MANY_TO_MANY;
    const isInverse = prop.kind === ReferenceKind.ONE_TO_ONE && !prop.owner;
    if (!isOwn || isMany || isInverse || unknown.includes(prop.name)) continue;
    const value = Reference.unwrapReference((entity as Dictionary)[prop.name] as object);
    values[prop.name] = EntityHelper.isEntity(value) ? helper(value).getPrimaryKey() : (value as unknown);
  }
  return values;
}
