import type { TableNames } from './tables.js';
import { quoted } from './tables.js';
import { quoteName } from './quote.js';

/**
 * SQL types of keys for which an object's text id can be turned back inside an index. It holds objects of every type,
 * so that any text has to be safe to ask. Keys of other types are found by going through all that the index has.
 */
const KEY_FORMS: Readonly<Record<string, (id: string) => string>> = {
  smallint: id => integer(id, 'smallint', '32767'),
  integer: id => integer(id, 'integer', '2147483647'),
  bigint: id => integer(id, 'bigint', '9223372036854775807'),
  uuid: id => `case when ${id} ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then ${id}::uuid end`,
  text: id => id,
};

/** The pattern says all: what PostgreSQL has to compute for each statement adds up. */
function integer(id: string, type: string, greatest: string): string {
  return `case when ${id} ~ '^-?(${upTo(greatest)})$' then ${id}::${type} end`;
}

/** A pattern of the numbers up to this one. */
function upTo(greatest: string): string {
  const digits = greatest.split('');
  const smaller = digits.flatMap((digit, at) => {
    const [least, most] = [at === 0 ? 1 : 0, Number(digit) - 1];
    const rest = digits.length - at - 1;
    return most < least ? [] : [`${greatest.slice(0, at)}[${least}-${most}]${rest > 0 ? `[0-9]{${rest}}` : ''}`];
  });
  return [`[0-9]{1,${digits.length - 1}}`, ...smaller, greatest].join('|');
}

const SYNONYMS: Readonly<Record<string, string>> = {
  int2: 'smallint',
  smallserial: 'smallint',
  int: 'integer',
  int4: 'integer',
  serial: 'integer',
  int8: 'bigint',
  bigserial: 'bigint',
};

/** The form of a key column by its declared type; none if the index cannot tell its values. */
export function keyForm(columnType: string): string | undefined {
  const type = columnType.toLowerCase().replace(/\(.*\)$/, '');
  const known = SYNONYMS[type] ?? type;
  if (known in KEY_FORMS) return known;
  return /^(varchar|character varying)$/.test(known) ? 'text' : undefined;
}

/** The key that a text id stands for, as the index of its form has it. */
export function keyOfId(form: string, id: string): string {
  return KEY_FORMS[form]!(id);
}

/** True of deltas that change the links of a collection; `d` is an alias with its dot, or nothing. */
export function hasLinks(d: string): string {
  return `coalesce(${d}new_values, ${d}old_values) @? '$.*.added'`;
}

/**
 * One partial index for each form of key in use, over the few deltas that as-of reading has to find without having
 * their object at hand: deletions, and changed links.
 */
export function pastIndexes(tables: TableNames, forms: Iterable<string>): { name: string; expression: string }[] {
  return [...new Set(forms)].toSorted().map(form => {
    const name = `${tables.objectDelta}_past_${form}_index`;
    const columns = `object_type, (${keyOfId(form, 'object_id')}), id`;
    const where = `action = 'delete' or ${hasLinks('')}`;
    const expression = `create index ${quoteName(name)} on ${quoted(tables, 'objectDelta')} (${columns}) where ${where}`;
    return { name, expression };
  });
}
