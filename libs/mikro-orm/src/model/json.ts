import { isDeepStrictEqual } from 'node:util';

/** What a JSON column holds. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Values by attribute name. A missing key means that the value is not known; `null` is a value. */
export type JsonRecord = Record<string, Json>;

export function equalJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  return isDeepStrictEqual(a, b);
}
