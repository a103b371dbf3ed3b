import type { EntityProperty } from '@mikro-orm/core';
import type { DeltaRow, TestOrm } from '../support/orm.js';

/** Links of every recorded collection, in their order: `Post:1 tags` → keys of targets. */
export type Links = Record<string, unknown[]>;

interface StoredLinks {
  readonly added: readonly unknown[];
  readonly removed: readonly unknown[];
  readonly order?: readonly unknown[];
}

/** What link deltas add up to, by what the documentation says of them. */
export function folded(
  deltas: readonly Pick<DeltaRow, 'action' | 'object' | 'old' | 'new'>[],
  start: Links = {},
): Links {
  const links = new Map<string, unknown[]>(Object.entries(start));
  for (const { action, object, old, new: values } of deltas) {
    for (const [name, value] of Object.entries((action === 'delete' ? old : values) ?? {})) {
      if (isLinks(value)) links.set(`${object} ${name}`, after(links.get(`${object} ${name}`) ?? [], value));
    }
  }
  return Object.fromEntries([...links].filter(([, keys]) => keys.length > 0).toSorted(byName));
}

/** The same as the tables have it. A link that has two rows is one link, at the place of the first. */
export async function live({ orm, database }: TestOrm, types: Readonly<Record<string, string>>): Promise<Links> {
  const links = new Map<string, unknown[]>();
  for (const [type, name] of Object.entries(types).map(([key, names]) => [key, names] as const)) {
    const meta = [...orm.getMetadata()].find(one => one.className === type)!;
    const prop = meta.properties[name as never] as EntityProperty;
    for (const row of await database.query(pairsIn(prop, orm))) {
      const place = `${type}:${textOf(row['owner'] as unknown[])} ${name}`;
      const keys = links.get(place) ?? [];
      const target = keyOf(row['target'] as unknown[]);
      if (!keys.some(key => JSON.stringify(key) === JSON.stringify(target))) keys.push(target);
      links.set(place, keys);
    }
  }
  return Object.fromEntries([...links].toSorted(byName));
}

/** For collections without an order. */
export function unordered(links: Links): Links {
  return Object.fromEntries(Object.entries(links).map(([name, keys]) => [name, keys.toSorted(byText)]));
}

function after(keys: readonly unknown[], { added, removed, order }: StoredLinks): unknown[] {
  const left = without(keys, removed);
  const come = without(added, left);
  return order ? [...without([...left, ...come], order), ...order] : [...left, ...come];
}

function without(keys: readonly unknown[], others: readonly unknown[]): unknown[] {
  const gone = new Set(others.map(key => JSON.stringify(key)));
  return keys.filter(key => !gone.has(JSON.stringify(key)));
}

function isLinks(value: unknown): value is StoredLinks {
  return typeof value === 'object' && value !== null && 'added' in value && 'removed' in value;
}

function pairsIn(prop: EntityProperty, orm: TestOrm['orm']): string {
  const pivot = [...orm.getMetadata()].find(one => one.class === prop.pivotEntity)!;
  const place = pivot.properties[prop.fixedOrderColumn as never] as EntityProperty | undefined;
  const isLarge = (name: string) =>
    pivot.props.some(one => one.fieldNames?.includes(name) && one.columnTypes.includes('bigint'));
  const read = (name: string) => (isLarge(name) ? `"${name}"::text` : `"${name}"`);
  const list = (columns: readonly string[]) => `jsonb_build_array(${columns.map(read).join(', ')})`;
  const table = `${pivot.schema ? `"${pivot.schema}".` : ''}"${pivot.tableName}"`;
  return `select ${list(prop.joinColumns)} as owner, ${list(prop.inverseJoinColumns)} as target from ${table}
    order by ${place ? `"${place.fieldNames[0]}"` : '1'}`;
}

function keyOf(columns: readonly unknown[]): unknown {
  return columns.length === 1 ? columns[0] : columns;
}

function textOf(columns: readonly unknown[]): string {
  return columns.length === 1 ? String(columns[0]) : JSON.stringify(columns);
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a.localeCompare(b);
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a).localeCompare(JSON.stringify(b));
}
