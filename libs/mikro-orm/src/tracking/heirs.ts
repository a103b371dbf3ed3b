import type { EntityMetadata } from '@mikro-orm/core';

/** In the database, that is: classes with tables and keys of their own may extend each other as well. */
export function inherits(heir: EntityMetadata, base: EntityMetadata): boolean {
  if (!(heir.class.prototype instanceof base.class)) return false;
  return Boolean(heir.tptParent) || (heir.root === base.root && base.root.discriminatorColumn !== undefined);
}

/** How many classes a class extends. */
export function depthOf(entityClass: object): number {
  const parent = Object.getPrototypeOf(entityClass) as object | null;
  return parent === null ? 0 : depthOf(parent) + 1;
}
