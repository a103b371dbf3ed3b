import type { TrackedType } from '@revy/mikro-orm';

/** The class of a stored type, which names the schema of its rows where that is not the class's own: `Post@south`. */
export function typeOf(types: readonly TrackedType[], objectType: string): TrackedType | undefined {
  const [name] = objectType.split('@', 1);
  return types.find(({ type }) => type === name);
}
