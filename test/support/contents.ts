/** An entity's own enumerable properties as a plain object, so that `toEqual` misses and forgives none. */
export function contents(entity: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(entity));
}
