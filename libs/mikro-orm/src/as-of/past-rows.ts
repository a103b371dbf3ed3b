import { keyFromId, objectIdSql } from './key-sql.js';
import type { PastTemplate } from './history-at.js';
import { quoteName, quoteText, quoteTexts } from '../model/quote.js';
import { type PastClass, type PastColumn, type PastTable, typeOfRow } from './past-table.js';
import { attributesOf, byClass, isObject, isOneOf, stateAt, typeOf, typesOf } from './past-state.js';

/** The column that names what nobody knows of a row: `null` if everything is known. */
export const UNKNOWN_COLUMN = 'revy_unknown';

/** As large as no id of a revision: what stands in for one where there is none. */
const LATEST = '9223372036854775807';

/**
 * The rows of a table at a point, as a query.
 *
 * `k` has the rows that are there now and those that were deleted; both are plain scans, because PostgreSQL passes the
 * conditions of a join on to an index only through such a union. What became of a row since the point is then read
 * for that row alone (`s`): nothing, mostly, and then the row is still what it was. It hangs on nothing but the key,
 * so that a condition on the key leaves all other rows alone.
 *
 * @param isThere what has to hold beside that
 */
export function pastRows(table: PastTable, history: PastTemplate, isThere = 'true'): string {
  return `select ${pastColumns(table).join(', ')}
from (${candidates(table, history)}) k
left join lateral (${stateAt(table, history)}) s on true
where k.revy_type ${isOneOf(table)} and k.revy_action = 'delete' and ${history.after('k.revy_revision')}
  and (s.id is null or s.action <> 'create') and (k.revy_died is null or ${isDeadNow(table, history)}) and ${isThere}`;
}

/** The columns of the row `k` at the point, by what became of it since (`s`), and what is unknown of them. */
export function pastColumns(table: PastTable): string[] {
  const columns = table.columns.map(column => `${columnAt(column, table)} as ${quoteName(column.name)}`);
  const keys = table.key.map(({ column }) => `k.${quoteName(column)}`);
  return [...keys, ...discriminatorAt(table), ...columns, `${unknownAt(table)} as ${UNKNOWN_COLUMN}`];
}

/** What holds of deleted rows holds of the others by constants, which PostgreSQL takes out of their scan. */
function candidates(table: PastTable, { delta }: PastTemplate): string {
  const { key, platform, discriminator, live } = table;
  const kept = [...(discriminator ? [discriminator.column] : []), ...table.columns.map(({ name }) => name)].map(
    quoteName,
  );
  const keys = key.map(({ column }) => quoteName(column));
  const [first] = table.classes;
  const lived = [
    ...keys.map(name => `p.${name}`),
    ...kept.map(name => `p.${name}`),
    `${objectIdSql(key, 'p', platform)} as revy_id`,
    `${quoteText(first!.type)}::text as revy_type`,
    ...(discriminator ? [`${typeOfRow(table, 'p')} as revy_class`] : []),
    `'delete'::text as revy_action, ${LATEST} as revy_revision, null::bigint as revy_died`,
  ];
  const deleted = [
    ...keyFromId(key, typesOf(table), platform),
    ...kept.map(() => 'null'),
    'd.object_id, d.object_type',
    ...(discriminator ? ['d.object_type'] : []),
    'd.action, d.revision_id, d.id',
  ];
  return `select ${lived.join(', ')} from ${live} p union all select ${deleted.join(', ')} from ${delta} d`;
}

/**
 * Of the deletions of an object only the first after the point tells; and one that came back is among the living.
 *
 * Of a `coalesce` PostgreSQL expects every other row, of equal values one in two hundred: then it takes a page for more
 * than there is, and may read the whole table for it.
 */
function isDeadNow(table: PastTable, { delta }: PastTemplate): string {
  const keys = table.key.map(({ column }) => `x.${quoteName(column)} = k.${quoteName(column)}`);
  const sameClass = table.discriminator ? [`${typeOfRow(table, 'x')} = k.revy_class`] : [];
  return `coalesce(k.revy_died = (
    select d.id from ${delta} d where ${isObject('d', typeOf(table, 's.object_type'))} and d.action = 'delete' and d.id >= s.id order by d.id limit 1
  ) and (select true from ${table.live} x where ${[...keys, ...sameClass].join(' and ')} limit 1) is null, false)`;
}

function columnAt({ name, sources }: PastColumn, table: PastTable): string {
  const still = columnNow({ name, sources }, table, 'k');
  if (isNowhereKnown(sources)) return still;
  const others = table.classes.filter(({ type }) => !sources.has(type)).map(({ type }) => type);
  const past = table.classes.flatMap(({ type }) => {
    const source = sources.get(type);
    const isOf = table.classes.length > 1 ? `s.object_type = ${quoteText(type)} and ` : '';
    return source?.read ? [`when ${isOf}s.v ? ${quoteText(source.property)} then ${source.read('s.v').sql}`] : [];
  });
  const isOfOthers = others.length > 0 ? ` or s.object_type = any(${quoteTexts(others)})` : '';
  return `case ${past.join(' ')} when s.is_live is not false${isOfOthers} then ${still} end`;
}

function isNowhereKnown(sources: PastColumn['sources']): boolean {
  return [...sources.values()].every(source => !source.read);
}

/** A column of a row that is as it was; what a class does not have in its columns, no ORM has changed. */
export function columnNow({ name, sources }: PastColumn, table: PastTable, alias: string): string {
  const now = `${alias}.${quoteName(name)}`;
  if (isNowhereKnown(sources)) return `case when false then ${now} end`;
  const isKnown = ({ type }: PastClass) => sources.get(type)?.read !== undefined || !sources.has(type);
  const isAlways = table.classes.every(isKnown);
  return isAlways ? now : byClassNow(table, alias, each => (isKnown(each) ? now : 'null'));
}

function discriminatorAt({ discriminator }: PastTable): string[] {
  if (!discriminator) return [];
  const { column, values } = discriminator;
  const name = quoteName(column);
  const cases = [...values].map(([type, value]) => `when ${quoteText(type)} then ${quoteText(String(value))}`);
  return [`case when s.id is null then k.${name} else case s.object_type ${cases.join(' ')} end end as ${name}`];
}

function unknownAt(table: PastTable): string {
  const attributes = attributesOf(table, 's.object_type');
  const missing = `array(select a from unnest(${attributes}) a where not s.v ? a)`;
  const known = `${byClass(table, 's.object_type', never)} || s.unreadable`;
  return `case when s.id is null then ${unknownNow(table, 'k')}
  when s.is_live or s.v ?& ${attributes} then nullif(${known}, '{}') else ${known} || ${missing} end`;
}

/** The same of a row that nothing has happened to. */
export function unknownNow(table: PastTable, alias: string): string {
  return byClassNow(table, alias, never);
}

/** What nobody ever knows of a class. */
function never({ unknown }: PastClass): string {
  return unknown.length > 0 ? quoteTexts(unknown) : 'null::text[]';
}

/** Only a discriminator tells the class of a row that nothing has happened to. */
function byClassNow(table: PastTable, alias: string, sqlOf: (each: PastClass) => string): string {
  if (table.discriminator) return byClass(table, alias === 'k' ? 'k.revy_class' : typeOfRow(table, alias), sqlOf);
  return sqlOf(table.classes.toSorted((a, b) => b.unknown.length - a.unknown.length)[0]!);
}
