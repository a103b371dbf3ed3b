import { type Token, tokens } from '../database/sql-tokens.js';

/** What SQL does to a table's rows. */
export type WriteVerb = 'insert' | 'update' | 'delete' | 'truncate' | 'merge' | 'copy';

/** A table that SQL writes to, as the text names it. */
export interface WrittenTable {
  readonly verb: WriteVerb;
  readonly schema: string | undefined;
  readonly table: string;
}

/** Blanks, comments and opening brackets, and then the word that says what the statement is. */
const FIRST_WORD = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[^]*?\*\/|[(;])*([a-z]+)/i;
const WRITES = new Set(['insert', 'update', 'delete', 'truncate', 'merge', 'copy', 'with', 'explain', 'prepare']);
const WRITE_WORD = /\b(?:insert|update|delete|truncate|merge|copy)\b/i;

/**
 * The tables that SQL text writes to. A read costs a look at its first word; text of several statements, one for a
 * semicolon and a writing word somewhere in it.
 */
export function writtenTables(sql: string): WrittenTable[] {
  const first = FIRST_WORD.exec(sql)?.[1]?.toLowerCase();
  if (first === undefined) return [];
  if (!WRITES.has(first) && !(hasMore(sql) && WRITE_WORD.test(sql))) return [];
  return scan(tokens(sql));
}

function hasMore(sql: string): boolean {
  const at = sql.indexOf(';');
  return at >= 0 && at < sql.trimEnd().length - 1;
}

/** Where a statement can begin; `update` is also a word of locks, of conflicts and of constraints. */
const BEFORE_STATEMENT = new Set([';', '(', ')', 'explain', 'analyze', 'verbose', 'as']);
const INTRODUCTIONS: Readonly<Record<WriteVerb, readonly string[]>> = {
  insert: ['into'],
  update: [],
  delete: ['from'],
  truncate: [],
  merge: ['into'],
  copy: [],
};

function scan(all: readonly Token[]): WrittenTable[] {
  const written: WrittenTable[] = [];
  all.forEach((token, index) => {
    const before = all[index - 1];
    const isStart = before === undefined || (before.kind !== 'name' && BEFORE_STATEMENT.has(before.text));
    if (token.kind !== 'word' || !isStart || !(token.text in INTRODUCTIONS)) return;
    written.push(...writesOf(token.text as WriteVerb, all, index + 1));
  });
  return written;
}

function writesOf(verb: WriteVerb, all: readonly Token[], start: number): WrittenTable[] {
  let at = start;
  for (const word of INTRODUCTIONS[verb]) {
    if (!isWord(all[at], word)) return [];
    at += 1;
  }
  if (verb === 'truncate' && isWord(all[at], 'table')) at += 1;
  const names: WrittenTable[] = [];
  do {
    if (isWord(all[at], 'only')) at += 1;
    const name = nameAt(all, at);
    if (!name) return names;
    names.push({ verb, schema: name.parts.at(-2), table: name.parts.at(-1)! });
    at = name.end;
  } while (verb === 'truncate' && all[at++]?.text === ',');
  return verb === 'copy' && !copiesIn(all, at) ? [] : names;
}

function isWord(token: Token | undefined, text: string): boolean {
  return token?.kind === 'word' && token.text === text;
}

function nameAt(all: readonly Token[], start: number): { parts: string[]; end: number } | undefined {
  const parts: string[] = [];
  let at = start;
  for (;;) {
    const token = all[at];
    if (!token || token.kind === 'sign') return undefined;
    parts.push(token.text);
    at += 1;
    if (all[at]?.text !== '.' || all[at]?.kind !== 'sign') return { parts, end: at };
    at += 1;
  }
}

/** `copy t (a, b) from …` writes, `copy t to …` reads. */
function copiesIn(all: readonly Token[], start: number): boolean {
  const direction = all.slice(start).find(token => isWord(token, 'from') || isWord(token, 'to'));
  return direction?.text === 'from';
}
