import type { TrackedType } from '@revy/mikro-orm';

/** A stored type names the schema of its rows where that is not the class's own: `Post@south`. */
export function splitSchema(stored: string): [type: string, schema: string | undefined] {
  const at = stored.indexOf('@');
  return at < 0 ? [stored, undefined] : [stored.slice(0, at), stored.slice(at + 1)];
}

/** The class of a stored type. */
export function typeOf(types: readonly TrackedType[], objectType: string): TrackedType | undefined {
  const [name] = splitSchema(objectType);
  return types.find(({ type }) => type === name);
}
