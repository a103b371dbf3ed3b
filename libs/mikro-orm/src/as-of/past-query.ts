import { type Token, tokens } from '../database/sql-tokens.js';
import { quoteName } from '../model/quote.js';
import { AsOfSchemaError, AsOfStatementError, AsOfUntrackedError, AsOfWriteError } from './as-of.errors.js';
import { atBounds, type PointBounds } from './history-at.js';
import type { KnownTable, KnownTables } from './known-tables.js';
import type { NamedQuery } from './past-changes.js';
import { readsWidely, type ReadText } from './table-reads.js';

/** What names mean, in one call of `snapshots.asOf()`. */
export interface PastScope {
  readonly tables: KnownTables;
  /** The schema that the connection finds first. */
  readonly schema: string;
  readonly untracked: 'live' | 'throw';
  /** Tables that little has happened to since the point. */
  readonly calm: ReadonlySet<KnownTable>;
}

const QUERIES = new Set(['select', 'with', 'values', 'table', '(']);
/** What says nothing about rows. */
const SETTINGS = new Set([
  'set',
  'show',
  'reset',
  'fetch',
  'move',
  'close',
  'savepoint',
  'release',
  'rollback',
  'begin',
]);
const WRITES = new Set(['insert', 'update', 'delete', 'merge', 'truncate', 'copy', 'lock']);

/** Words that are no names unless they are quoted. */
const RESERVED = new Set(
  `all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create cross
  current_date current_role current_time current_timestamp current_user default deferrable desc distinct do else end
  except false fetch for foreign freeze from full grant group having ilike in initially inner intersect into is isnull
  join lateral leading left like limit localtime localtimestamp natural not notnull null offset on only or order outer
  overlaps placing primary references returning right select session_user similar some symmetric table tablesample then
  to trailing true union unique user using variadic verbose when where window with`.split(/\s+/),
);

type Queries = Map<string, NamedQuery>;

/** A statement that reads, with the queries that stand for its tables. */
export interface PastQuery {
  /** What stands before the query itself, such as `explain`. */
  readonly before: string;
  readonly query: string;
  /** What their tables are, by the names that the query has for them; templates, in the order in which they need each other. */
  readonly tables: ReadonlyMap<string, NamedQuery>;
}

/**
 * What a statement reads of the past; nothing if it names no table that is tracked.
 *
 * Every name counts that may be a table's: one that turns out to be something else costs the parsing of a query, and
 * nothing is run for it.
 *
 * @throws {RevyError} if it does not read, or if nobody could tell what
 */
export function pastQuery(sql: string, scope: PastScope): PastQuery | undefined {
  const all = tokens(sql);
  const start = queryStart(all);
  if (start === undefined) return undefined;
  refuseSeveral(sql, all);
  refuseWrites(all);
  const from = all[start]!.start;
  const end = all.at(-1)!.text === ';' ? all.at(-1)!.start : sql.length;
  const tables: Queries = new Map();
  const query = namesReplaced(sql, { all: all.slice(start), from, end }, scope, tables);
  return tables.size > 0 ? { before: sql.slice(0, from), query, tables } : undefined;
}

/**
 * The statement with its tables at the point: as queries of their names before it, which PostgreSQL puts in the places
 * of the tables. It takes one `with` for a query, so that one that has its own becomes a part of another.
 */
export function renderAt({ before, query, tables }: PastQuery, bounds: PointBounds): string {
  const named = [...tables.values()].map(
    ({ name, rows, isMaterialized }) =>
      `${quoteName(name)} as ${isMaterialized ? '' : 'not '}materialized (${atBounds(rows, bounds)}\n)`,
  );
  const isOwn = /^with\b/i.test(query);
  return `${before}with ${named.join(', ')} ${isOwn ? 'select * from ' : ''}(${query}\n)${isOwn ? ' revy_query' : ''}`;
}

/** Where the statement begins to read; nowhere if it does not. */
function queryStart(all: readonly Token[]): number | undefined {
  const [first] = all;
  if (first === undefined || SETTINGS.has(first.text)) return undefined;
  if (QUERIES.has(first.text)) return 0;
  if (first.text === 'explain') return afterOptions(all);
  if (first.text === 'declare') return all.findIndex(token => token.text === 'for') + 1 || undefined;
  if (WRITES.has(first.text)) throw new AsOfWriteError(first.text.toUpperCase());
  throw new AsOfStatementError(first.text.toUpperCase(), 'unknown');
}

function afterOptions(all: readonly Token[]): number {
  let at = 1;
  if (all[at]?.text === '(' && !QUERIES.has(all[at + 1]?.text ?? '')) {
    while (all[at] && all[at]!.text !== ')') at += 1;
    at += 1;
  }
  while (all[at]?.text === 'analyze' || all[at]?.text === 'verbose') at += 1;
  const [statement] = [all[at]?.text ?? ''];
  if (!QUERIES.has(statement)) throw new AsOfWriteError(`EXPLAIN ${statement.toUpperCase()}`.trim());
  return at;
}

function refuseSeveral(sql: string, all: readonly Token[]): void {
  const at = all.findIndex(token => token.text === ';' && token.kind === 'sign');
  if (at >= 0 && at < all.length - 1) throw new AsOfStatementError(sql.trim(), 'several');
}

/** A lock is a promise about the present; and a `with` may write. */
function refuseWrites(all: readonly Token[]): void {
  all.forEach(({ kind, text }, at) => {
    const next = all[at + 1];
    const isLock = next?.kind === 'word' && /^(update|share|no|key)$/.test(next.text);
    if (kind === 'word' && text === 'for' && isLock) throw new AsOfWriteError('SELECT ... FOR UPDATE');
    const isWrite = kind === 'word' && WRITES.has(text) && all[at - 1]?.text === '(' && next?.kind === 'word';
    if (isWrite) throw new AsOfWriteError(text.toUpperCase());
  });
}

/** Text with qualified names replaced by those of the queries that stand for the tables, which are collected. */
function namesReplaced(sql: string, { all, from, end }: Part, scope: PastScope, queries: Queries): string {
  let text = '';
  let copied = from;
  for (const chain of chains(all)) {
    const { known, length } = meaning(chain, scope);
    if (!known) continue;
    const name = collect(known, chain, { sql, all }, { scope, queries });
    if (name === undefined || length === 1) continue;
    text += `${sql.slice(copied, chain.names[0]!.start)}${quoteName(name)}`;
    copied = chain.names[length - 1]!.end;
  }
  return text + sql.slice(copied, end);
}

/** A part of a text, and its tokens. */
interface Part {
  readonly all: readonly Token[];
  readonly from: number;
  readonly end: number;
}

/** Names that stand together with dots in between. */
interface Chain {
  readonly names: Token[];
  /** Whether it can be one: a word that is reserved, or a function's, is none. */
  readonly isName: boolean;
  /** Whether it stands where a table has to stand; after a comma it may. */
  readonly isAfterTableWord: boolean;
  readonly isAfterComma: boolean;
}

const TABLE_WORDS = new Set(['from', 'join', 'only', 'table']);

function chains(all: readonly Token[]): Chain[] {
  const found: Chain[] = [];
  const isSign = (at: number, sign: string) => all[at]?.kind === 'sign' && all[at]!.text === sign;
  all.forEach((token, at) => {
    if (token.kind === 'sign') return;
    if (isSign(at - 1, '.')) {
      found.at(-1)?.names.push(token);
    } else {
      const isName = token.kind === 'name' || !(RESERVED.has(token.text) || isSign(at + 1, '('));
      const before = all[at - 1];
      const isAfterTableWord = before?.kind === 'word' && TABLE_WORDS.has(before.text);
      const isAfterComma = isSign(at - 1, ',') || isSign(at - 1, '(');
      found.push({ names: [token], isName, isAfterTableWord, isAfterComma });
    }
  });
  return found.filter(chain => chain.isName);
}

/** The table that the beginning of a chain names, and how many of its names it takes. */
function meaning({ names, isAfterTableWord }: Chain, { tables, schema }: PastScope): Meaning {
  const [first, second] = names.map(({ text }) => text) as [string, string | undefined];
  if (second !== undefined) {
    const qualified = tables.find(first, second, schema) ?? (isAfterTableWord ? tables.inAnySchema(second) : undefined);
    if (qualified) return { known: qualified, length: 2 };
  }
  return { known: tables.find(undefined, first, schema), length: 1 };
}

interface Meaning {
  readonly known: KnownTable | undefined;
  readonly length: number;
}

/** Where the queries of a statement are collected, and what names mean there. */
interface Collected {
  readonly scope: PastScope;
  readonly queries: Queries;
}

/** @returns the name that stands for the table; none if it is read as it is */
function collect(known: KnownTable, chain: Chain, text: ReadText, { scope, queries }: Collected): string | undefined {
  const { className, table } = known;
  if (known.kind === 'several schemas') throw new AsOfSchemaError(className, table);
  if (known.kind === 'untracked') {
    if (scope.untracked === 'throw' && (chain.isAfterTableWord || chain.isAfterComma))
      throw new AsOfUntrackedError(className, table);
    return undefined;
  }
  const isCurrent = (known.schema ?? scope.schema) === scope.schema;
  const name = isCurrent || scope.tables.isUnique(known) ? table : `${known.schema}.${table}`;
  if (queries.has(name)) return name;
  const rows = known.rows!;
  if (known.kind === 'view') {
    // what a view reads has to stand before it; a column of it may have its own name
    queries.set(name, { name, rows });
    const text = namesReplaced(rows, { all: tokens(rows), from: 0, end: rows.length }, scope, queries);
    queries.delete(name);
    queries.set(name, { name, rows: text });
  } else {
    const isWide = known.changes && scope.calm.has(known) && readsWidely(text, known.read!());
    for (const query of isWide ? known.changes(name) : [{ name, rows }]) queries.set(query.name, query);
  }
  return name;
}
