import { quoteName, quoteText } from '../model/quote.js';
import type { PastTemplate } from './history-at.js';
import { indexedForm, keyFromId, objectIdSql } from './key-sql.js';
import { columnNow, pastColumns, UNKNOWN_COLUMN, unknownNow } from './past-rows.js';
import { byFirst, isObject, isOneOf, stateAt, typeOf, typesOf } from './past-state.js';
import { type PastTable, typeOfRow } from './past-table.js';

/** A query that has a name in a statement. */
export interface NamedQuery {
  readonly name: string;
  readonly rows: string;
  /** Whether it is worked out once, and not in each place where it is named. */
  readonly isMaterialized?: boolean;
}

/**
 * The rows of a table at a point, from what has changed since: objects with a delta after it (`changed`), what these
 * were then (`past`), and with them all present rows that are no such objects. Worth it where much is asked of a table
 * that little has happened to since: conditions on unchanged rows are the database's own, with the table's indexes.
 *
 * Equal to {@link pastRows}: without a delta after the point, that one has a row as it is.
 *
 * @param name of the query; those that it needs have names made of it
 */
export function pastChanges(name: string, table: PastTable, history: PastTemplate): NamedQuery[] {
  const [changed, past] = [`${name} changed`, `${name} past`].map(each => quoteName(`revy ${each}`)) as [
    string,
    string,
  ];
  const { discriminator } = table;
  const names = [
    ...table.key.map(({ column }) => column),
    ...(discriminator ? [discriminator.column] : []),
    ...table.columns.map(column => column.name),
    UNKNOWN_COLUMN,
  ].map(quoteName);
  const isChanged = ['c.object_id = u.revy_id', ...(discriminator ? ['c.object_type = u.revy_class'] : [])];
  const none = discriminator ? 'null::text, null::text' : 'null::text';
  return [
    { name: `revy ${name} changed`, rows: changedObjects(table, history), isMaterialized: true },
    { name: `revy ${name} past`, rows: changedRows(table, history, changed), isMaterialized: true },
    {
      name,
      rows: `select ${names.map(each => `u.${each}`).join(', ')}
from (${presentRows(table)} union all select ${names.map(each => `b.${each}`).join(', ')}, ${none} from ${past} b) u
where not exists (select from ${changed} c where ${isChanged.join(' and ')})`,
    },
  ];
}

/**
 * By the BRIN index, so that it costs what was recorded since. Of a sum that equals its summand PostgreSQL expects one
 * row in two hundred; without, it takes each point for one that a third of the history came after.
 */
function changedObjects(table: PastTable, history: PastTemplate): string {
  const type = table.discriminator ? 'd.object_type, ' : '';
  return `select ${type}d.object_id, min(d.id) as first from ${history.delta} d
where d.object_type ${isOneOf(table)} and ${history.after('d.revision_id')} and d.id = d.id + 0 group by ${type}d.object_id`;
}

/** A plain scan, which is what PostgreSQL needs to find its rows by an index, whatever they are joined with. */
function presentRows(table: PastTable): string {
  const { key, platform, discriminator, live } = table;
  const columns = [
    ...key.map(({ column }) => `p.${quoteName(column)}`),
    ...(discriminator ? [`p.${quoteName(discriminator.column)}`] : []),
    ...table.columns.map(column => `${columnNow(column, table, 'p')} as ${quoteName(column.name)}`),
    `${unknownNow(table, 'p')} as ${UNKNOWN_COLUMN}`,
    `${objectIdSql(key, 'p', platform)} as revy_id`,
    ...(discriminator ? [`${typeOfRow(table, 'p')} as revy_class`] : []),
  ];
  return `select ${columns.join(', ')} from ${live} p`;
}

function changedRows(table: PastTable, history: PastTemplate, changed: string): string {
  const { key, discriminator, platform, live } = table;
  const kept = [...(discriminator ? [discriminator.column] : []), ...table.columns.map(column => column.name)];
  const keys = keyFromId(key, typesOf(table), platform).map((sql, index) => {
    const name = quoteName(key[index]!.column);
    return `coalesce(p.${name}, ${sql}) as ${name}`;
  });
  const columns = [
    ...keys,
    ...kept.map(name => `p.${quoteName(name)}`),
    'd.object_id as revy_id, d.first as revy_first',
    `p.${quoteName(key[0]!.column)} is null as revy_gone`,
    ...(discriminator ? ['d.object_type as revy_class'] : []),
  ];
  const sameClass = discriminator ? [`${typeOfRow(table, 'p')} = d.object_type`] : [];
  // its first deletion after the point has to be one that came after it
  const isDeleted = `coalesce((select ${history.after('d.revision_id')} from ${history.delta} d
    where ${isObject('d', typeOf(table, 's.object_type'))} and d.action = 'delete' and d.id >= s.id order by d.id limit 1), false)`;
  return `select ${pastColumns(table).join(', ')}
from (select ${columns.join(', ')} from ${changedIn(table, changed)} d
  left join ${live} p on ${[isRowOf(table), ...sameClass].join(' and ')}) k
left join lateral (${stateAt(table, history, byFirst)}) s on true
where (s.id is null or s.action <> 'create') and (not k.revy_gone or ${isDeleted})`;
}

/** With a type that has keys of this form. */
function changedIn(table: PastTable, changed: string): string {
  const [first] = table.classes;
  return table.discriminator ? changed : `(select ${quoteText(first!.type)} as object_type, c.* from ${changed} c)`;
}

/** By the key itself where its text tells it, and there is an index. */
function isRowOf({ key, platform }: PastTable): string {
  const [first] = key;
  return indexedForm(key)
    ? `p.${quoteName(first!.column)} = ${keyFromId(key, '', platform)[0]}`
    : `${objectIdSql(key, 'p', platform)} = d.object_id`;
}
