import type { Json, ObjectDelta, StoredAttribution } from '@revy/mikro-orm';

/** One attribute that a delta changed, in stored form; a side is `undefined` where the object did not exist. */
export interface AttributeChange {
  readonly attribute: string;
  readonly before: Json | undefined;
  readonly after: Json | undefined;
  /** Who set it and why, where that is not what holds for the whole delta. */
  readonly attributions: readonly StoredAttribution[];
}

/** What a delta changed, attribute by attribute; what a new object left null, or a deleted one had null, is left out. */
export function attributeChanges({ action, oldValues, newValues, attributions }: ObjectDelta): AttributeChange[] {
  const names = new Set([...Object.keys(oldValues ?? {}), ...Object.keys(newValues ?? {})]);
  const changes = [...names].map(attribute => ({
    attribute,
    before: oldValues?.[attribute],
    after: newValues?.[attribute],
    attributions: attributions?.[attribute] ?? [],
  }));
  return changes.filter(({ before, after }) => action === 'update' || (before ?? after ?? null) !== null);
}

/** What a change of a collection holds: the keys that came, and those that went. */
export interface LinkChange {
  readonly added: readonly Json[];
  readonly removed: readonly Json[];
}

/** A collection's change is stored on one side only, as what was added and removed. */
export function linkChange({ before, after }: AttributeChange, collections: ReadonlySet<string>, name: string) {
  if (!collections.has(name)) return undefined;
  const links = (after ?? before) as { added?: Json[]; removed?: Json[] } | null | undefined;
  return { added: links?.added ?? [], removed: links?.removed ?? [] } satisfies LinkChange;
}
