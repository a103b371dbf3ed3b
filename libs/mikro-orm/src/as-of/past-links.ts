import { type EntityMetadata, type EntityProperty, type Platform } from '@mikro-orm/core';
import { hasLinks, keyOfId } from '../model/past-index.js';
import { quoteName, quoteText, quoteTexts } from '../model/quote.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { PastTemplate } from './history-at.js';
import { indexedForm, keyFromId, type KeyPart, linkKeySql, objectIdSql, partsOf } from './key-sql.js';
import { pastRows } from './past-rows.js';
import { typesOf } from './past-state.js';
import { liveName, type PastTable } from './past-table.js';
import { columnSql } from './stored-column.js';

/** The table of a many-to-many collection. */
export interface PastLinks {
  readonly live: string;
  readonly platform: Platform;
  /** Stored types of the classes whose objects own the links. */
  readonly owners: readonly string[];
  /** The names of the collection, the present one first. */
  readonly collections: readonly string[];
  /** The columns that refer to the owner, with its key. */
  readonly owner: readonly KeyPart[];
  readonly target: readonly KeyPart[];
  /** Columns beside these, such as the one that keeps an order. */
  readonly others: readonly string[];
}

export function pastLinks(
  pivot: EntityMetadata,
  collection: EntityProperty,
  owners: readonly TrackedEntity[],
  schema: string | undefined,
): PastLinks {
  const owner = linkParts(collection.joinColumns, owners[0]!.meta);
  const target = linkParts(collection.inverseJoinColumns, collection.targetMeta!);
  const known = new Set([...owner, ...target].map(({ column }) => column));
  return {
    live: liveName(schema, pivot.tableName),
    platform: owners[0]!.platform,
    owners: owners.map(({ type }) => type),
    collections: owners[0]!.names.of(collection.name),
    owner,
    target,
    others: [...new Set(pivot.props.flatMap(prop => prop.fieldNames ?? []))].filter(name => !known.has(name)),
  };
}

function linkParts(columns: readonly string[], meta: EntityMetadata): KeyPart[] {
  const parts = meta.primaryKeys.flatMap(name => partsOf(meta.properties[name] as EntityProperty));
  return parts.map((part, index) => ({ ...part, column: columns[index]! }));
}

/**
 * The links of a collection at a point, as a query: those that are there now, unless they were added since, and those
 * that were removed since, unless they were added before that. The first change after the point tells.
 */
export function pastLinkRows(links: PastLinks, history: PastTemplate): string {
  const names = namesOf(links);
  const others = links.others.map(quoteName);
  return `select ${[...names, ...others].map(name => `p.${name}`).join(', ')}
from ${links.live} p where ${isAddedSince('p', links, history)} is not true
union all
select ${[...names.map(name => `g.${name}`), ...others.map(() => 'null')].join(', ')}
from (${removed(links, history)}) g where ${isGone(links)}`;
}

/**
 * The same of links whose rows are objects with a history of their own. That history goes first; rows of which it knows
 * nothing have come and gone with their collection, and what else they held is not known.
 */
export function pastLinkObjects(table: PastTable, links: PastLinks, history: PastTemplate): string {
  const isThere = `(s.id is not null or ${isAddedSince('k', links, history)} is not true)`;
  const known = new Set(namesOf(links));
  const columns = [...table.key.map(({ column }) => column), ...table.columns.map(({ name }) => name)].map(quoteName);
  const unknown = table.columns.flatMap(({ name, sources }) =>
    known.has(quoteName(name)) ? [] : [...sources.values()].map(({ property }) => property),
  );
  const hasOwnHistory = `select from ${history.delta} x where x.object_type = any(${typesOf(table)})
    and x.object_id = ${objectIdSql(table.key, 'g', table.platform)} and ${history.after('x.revision_id')}`;
  return `${pastRows(table, history, isThere)}
union all
select ${columns.map(name => (known.has(name) ? `g.${name}` : 'null')).join(', ')}, nullif(${quoteTexts(unknown)}, '{}')
from (${removed(links, history)}) g where ${isGone(links)}${isKeyOf(table, known) ? ` and not exists (${hasOwnHistory})` : ''}`;
}

function isKeyOf({ key }: PastTable, names: ReadonlySet<string>): boolean {
  return key.every(({ column }) => names.has(quoteName(column)));
}

function namesOf({ owner, target }: PastLinks): string[] {
  return [...owner, ...target].map(({ column }) => quoteName(column));
}

/** Whether the first change of a link after the point is that it was added; null if there is none. */
function isAddedSince(alias: string, links: PastLinks, history: PastTemplate): string {
  const target = linkKeySql(links.target, alias, links.platform);
  return `(select ${isAmong('added', target, links)} from ${history.delta} d
    where ${isOfOwner(alias, links)} and ${history.after('d.revision_id')} and ${isTouched(target, links)}
    order by d.id limit 1)`;
}

function isGone(links: PastLinks): string {
  const isSame = namesOf(links).map(name => `p.${name} = g.${name}`);
  return `not exists (select from ${links.live} p where ${isSame.join(' and ')})`;
}

function removed(links: PastLinks, history: PastTemplate): string {
  const { owner, target, platform } = links;
  const ids = keyFromId(owner, ownersOf(links), platform);
  const targets = target.map(({ prop, columnType }, index) => {
    const part = target.length > 1 ? ` -> ${index}` : '';
    const text = target.length > 1 ? `(e.value ->> ${index})` : `(e.value #>> '{}')`;
    return columnSql(prop, columnType, { json: `(e.value${part})`, text }, platform);
  });
  const columns = [...ids, ...targets].map((sql, i) => `${sql} as ${quoteName([...owner, ...target][i]!.column)}`);
  return `select ${columns.join(', ')} from ${history.delta} d
  cross join lateral jsonb_array_elements(${changes(links, 'removed')}) e(value)
  where d.object_type ${isOneOf(links.owners)} and ${hasLinks('d.')} and ${history.after('d.revision_id')}
    and not exists (
      select from ${history.delta} b where b.object_type = d.object_type and b.object_id = d.object_id and b.id < d.id
        and ${history.after('b.revision_id')} and ${hasLinks('b.')} and ${isTouched('e.value', links, 'b')}
    )`;
}

function changes({ collections }: PastLinks, kind: 'added' | 'removed', d = 'd'): string {
  const [values, ...former] = collections.map(
    name => `coalesce(${d}.new_values, ${d}.old_values) -> ${quoteText(name)}`,
  );
  const changed = former.length === 0 ? values : `coalesce(${[values, ...former].join(', ')})`;
  return `(${changed} -> '${kind}')`;
}

/** Containment takes the parts of a composite key in any order, so that those are compared one by one. */
function isAmong(kind: 'added' | 'removed', target: string, links: PastLinks, d = 'd'): string {
  const keys = changes(links, kind, d);
  if (links.target.length === 1) return `coalesce(${keys} @> ${target}, false)`;
  return `exists (select from jsonb_array_elements(${keys}) t(value) where t.value = ${target})`;
}

function isTouched(target: string, links: PastLinks, d = 'd'): string {
  return `(${isAmong('added', target, links, d)} or ${isAmong('removed', target, links, d)})`;
}

/** By the form of the key that the index has, which is that of the column itself. */
function isOfOwner(alias: string, { owner, owners, platform }: PastLinks): string {
  const form = indexedForm(owner);
  const key = form && form !== 'text' ? `${alias}.${quoteName(owner[0]!.column)}` : undefined;
  const isSame = key
    ? `${keyOfId(form!, 'd.object_id')} = ${key}`
    : `d.object_id = ${objectIdSql(owner, alias, platform)}`;
  return `d.object_type ${isOneOf(owners)} and ${isSame} and ${hasLinks('d.')}`;
}

function ownersOf({ owners }: PastLinks): string {
  return quoteTexts(owners);
}

function isOneOf(owners: readonly string[]): string {
  return owners.length === 1 ? `= ${quoteText(owners[0]!)}` : `= any(${quoteTexts(owners)})`;
}
