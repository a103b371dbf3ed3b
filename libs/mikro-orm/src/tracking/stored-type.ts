/** Stands between a type and the schema of its rows, and in no type. */
const AT = '@';

export function isUsableType(type: string): boolean {
  return !type.includes(AT);
}

/** The stored type of rows that lie in a schema which is not their class's own, such as `Post@south`. */
export function typeAt(type: string, schema: string | undefined): string {
  return schema === undefined ? type : `${type}${AT}${schema}`;
}

/** The type and the schema that {@link typeAt} has put together; a schema may have any name. */
export function splitType(stored: string): { readonly type: string; readonly schema: string | undefined } {
  const at = stored.indexOf(AT);
  return at < 0 ? { type: stored, schema: undefined } : { type: stored.slice(0, at), schema: stored.slice(at + 1) };
}
