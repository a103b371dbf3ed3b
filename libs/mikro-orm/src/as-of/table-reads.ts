import type { EntityMetadata } from '@mikro-orm/core';
import type { Token } from '../database/sql-tokens.js';
import type { PastTable } from './past-table.js';

/** A table as statements ask for its rows. */
export interface ReadTable {
  readonly name: string;
  readonly key: ReadonlySet<string>;
  readonly columns: ReadonlySet<string>;
  /** Columns of which a value finds few rows: those that refer to others, or have an index. */
  readonly selective: ReadonlySet<string>;
}

export function readTable(metas: readonly EntityMetadata[], { key, discriminator, columns }: PastTable): ReadTable {
  const keys = key.map(({ column }) => column);
  const others = [...(discriminator ? [discriminator.column] : []), ...columns.map(({ name }) => name)];
  return {
    name: metas[0]!.tableName,
    key: new Set(keys),
    columns: new Set([...keys, ...others]),
    selective: new Set(metas.flatMap(selectiveColumns).filter(column => others.includes(column))),
  };
}

function selectiveColumns(meta: EntityMetadata): string[] {
  const indexed = [...meta.indexes, ...meta.uniques].flatMap(({ properties = [] }) => [properties].flat()[0] ?? []);
  const props = meta.props.filter(
    ({ name, index, unique, targetMeta }) => index || unique || targetMeta || indexed.includes(name as never),
  );
  return props.flatMap(prop => prop.fieldNames ?? []);
}

/** SQL text with its tokens. */
export interface ReadText {
  readonly sql: string;
  readonly all: readonly Token[];
}

/**
 * Whether a statement looks for rows of a table by something else than their keys, and does not stop after a few. A
 * guess from how the text looks; all that hangs on it is time.
 */
export function readsWidely(text: ReadText, table: ReadTable): boolean {
  const aliases = aliasesOf(text, table.name);
  const own = comparisons(text).filter(
    ({ alias, column }) => (alias === undefined || aliases.has(alias)) && table.columns.has(column),
  );
  const isKey = ({ column }: Comparison) => table.key.has(column);
  const values = own.filter(({ kind }) => kind !== 'column');
  if (values.some(one => isKey(one) && one.kind === 'value')) return false;
  if (values.some(({ column, kind }) => kind === 'value' && table.selective.has(column))) return true;
  if (isLimited(text) && !isOrderedByOther(text, aliases, table)) return false;
  return values.some(one => !isKey(one)) || !own.some(isKey);
}

interface Comparison {
  readonly alias: string | undefined;
  readonly column: string;
  /** Whether it has to be one of some values, or one of a range or pattern, or what another column has. */
  readonly kind: 'value' | 'range' | 'column';
}

function comparisons(text: ReadText): Comparison[] {
  return text.all.flatMap(({ text: column }, at) => {
    if (!isName(text, at) || isSign(text, at + 1, '.') || isSign(text, at + 1, '(')) return [];
    const isQualified = isSign(text, at - 1, '.');
    const kind =
      kindAfter(text, at) ?? (between(text, isQualified ? at - 3 : at - 1).trim() === '=' ? 'column' : undefined);
    return kind ? [{ alias: isQualified ? text.all[at - 2]?.text : undefined, column, kind }] : [];
  });
}

/** What a column, or a row of columns of which it is one, is compared with by what comes after it. */
function kindAfter(text: ReadText, at: number): Comparison['kind'] | undefined {
  const end = endOfRow(text, at);
  const operator = between(text, end).trim();
  if (operator.startsWith('=')) return operator === '=' && isName(text, end + 1) ? joined(text, end + 1) : 'value';
  if (/^[<>!]/.test(operator)) return 'range';
  const next = text.all[end + 1];
  const word = operator === '' && next?.kind === 'word' ? next.text : '';
  if (word === 'in') return text.all[end + 3]?.text === 'select' ? 'column' : 'value';
  return /^(i?like|between|is)$/.test(word) ? 'range' : undefined;
}

function joined(text: ReadText, at: number): Comparison['kind'] {
  return text.all[at]?.text === 'any' || text.all[at]?.text === 'some' ? 'value' : 'column';
}

/** `(a.x, a.y) in …` compares each of its columns. */
function endOfRow(text: ReadText, at: number): number {
  let end = at;
  while (isSign(text, end + 1, ',') && isName(text, end + 2)) end += isSign(text, end + 3, '.') ? 4 : 2;
  return isSign(text, end + 1, ')') ? end + 1 : at;
}

function isLimited({ all }: ReadText): boolean {
  return all.some(({ kind, text }) => kind === 'word' && (text === 'limit' || text === 'fetch'));
}

/** The whole table has to be known for the order of what is no key. */
function isOrderedByOther(text: ReadText, aliases: ReadonlySet<string>, table: ReadTable): boolean {
  return text.all.some(({ kind, text: word }, at) => {
    if (kind !== 'word' || word !== 'by' || text.all[at - 1]?.text !== 'order') return false;
    const isQualified = isSign(text, at + 2, '.');
    const column = text.all[at + (isQualified ? 3 : 1)]?.text ?? '';
    const isOwn = !isQualified || aliases.has(text.all[at + 1]!.text);
    return isOwn && table.columns.has(column) && !table.key.has(column);
  });
}

const AFTER_TABLES = new Set(
  'where on join left right inner outer cross full natural group order limit offset union using having'.split(' '),
);

/** The names that a statement has for a table. */
function aliasesOf(text: ReadText, table: string): ReadonlySet<string> {
  const aliases = new Set([table]);
  text.all.forEach((token, at) => {
    if (token.text !== table || !isName(text, at)) return;
    const next = text.all[at + 1]?.text === 'as' ? at + 2 : at + 1;
    const alias = text.all[next];
    if (alias && isName(text, next) && (alias.kind === 'name' || !AFTER_TABLES.has(alias.text)))
      aliases.add(alias.text);
  });
  return aliases;
}

function isName({ all }: ReadText, at: number): boolean {
  return all[at]?.kind === 'name' || all[at]?.kind === 'word';
}

function isSign({ all }: ReadText, at: number, sign: string): boolean {
  return all[at]?.kind === 'sign' && all[at]!.text === sign;
}

/** The text between a token and the next one. */
function between({ sql, all }: ReadText, at: number): string {
  return sql.slice(all[at]?.end ?? 0, all[at + 1]?.start ?? sql.length);
}
