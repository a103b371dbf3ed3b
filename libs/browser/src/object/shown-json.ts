import { helper, Reference, Utils } from '@mikro-orm/core';
import type { Json } from '@revy/mikro-orm';

/** A typed value of a snapshot, as it is shown: entities by their key. `undefined` where nobody knows it. */
export function shownJson(value: unknown): Json | undefined {
  if (value === undefined || value === null) return value;
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value !== 'object') return value as Json;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? String(value) : value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(item => shownJson(item) ?? null);
  if (Reference.isReference(value)) return shownJson(value.unwrap());
  if (Utils.isEntity(value)) return shownJson(helper(value).getPrimaryKey());
  const entries = Object.entries(value).map(([name, item]) => [name, shownJson(item)] as const);
  return Object.fromEntries(entries.filter(([, item]) => item !== undefined)) as Json;
}
