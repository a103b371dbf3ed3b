import { type Token, tokensAndConstants } from '../database/sql-tokens.js';

/** A statement without the values that it is about. */
export interface QueryShape {
  /** With parameters in place of the values. */
  readonly text: string;
  readonly values: readonly string[];
}

/** A part of the text that a parameter can stand for. */
interface Place {
  readonly start: number;
  readonly end: number;
  /** What stands there instead, with this number. */
  readonly text: (parameter: string) => string;
  readonly value: string;
}

/**
 * Takes values out of SQL text where a parameter means the same: those that a column is compared with, and the offset of
 * a page. MikroORM 7.2 writes all values into the text, and PostgreSQL would plan each text anew.
 *
 * @param taken how many parameters the statement has already
 */
export function queryShape(sql: string, taken: number): QueryShape {
  const all = tokensAndConstants(sql);
  const values: string[] = [];
  let text = '';
  let copied = 0;
  for (let at = 0; at < all.length; at++) {
    const place = listAt(sql, all, at) ?? valueAt(sql, all, at);
    if (!place) continue;
    values.push(place.value);
    text += `${sql.slice(copied, place.start)}${place.text(`$${taken + values.length}`)}`;
    copied = place.end;
    while (all[at + 1] && all[at + 1]!.start < copied) at += 1;
  }
  return { text: text + sql.slice(copied), values };
}

/** A text has no type of its own, like a parameter; a number has one by its size. */
function typeOf(tokens: readonly Token[]): string | undefined {
  if (tokens.every(({ kind }) => kind === 'text')) return '';
  const longest = Math.max(...tokens.map(({ text }) => text.length));
  if (longest > 18 || tokens.some(({ kind }) => kind !== 'number')) return undefined;
  return longest > 9 ? 'bigint' : 'integer';
}

const COMPARISON = /^(=|<>|!=|<=?|>=?)$/;

function valueAt(sql: string, all: readonly Token[], at: number): Place | undefined {
  const token = all[at]!;
  const type = typeOf([token]);
  if (type === undefined || isContinued(sql, all, at)) return undefined;
  const between = sql.slice(all[at - 1]?.end ?? 0, token.start).trim();
  const isCompared = COMPARISON.test(between) && isColumn(all, at - 1);
  const isMatched = between === '' && isWord(all[at - 1], 'like', 'ilike') && isColumn(all, leftOf(all, at - 1));
  const isOffset = between === '' && isWord(all[at - 1], 'offset');
  if (!isCompared && !isMatched && !isOffset) return undefined;
  const { start, end, text: value } = token;
  return { start, end, value, text: parameter => (type ? `${parameter}::${type}` : parameter) };
}

/** `column in (values)`, which is one value, so that lists of all lengths have one shape. */
function listAt(sql: string, all: readonly Token[], at: number): Place | undefined {
  if (!isWord(all[at], 'in') || all[at + 1]?.text !== '(') return undefined;
  const left = leftOf(all, at);
  if (!isColumn(all, left)) return undefined;
  const last = all.findIndex((token, index) => index > at && token.text === ')' && token.kind === 'sign');
  const elements = all.slice(at + 2, last).filter((_, index) => index % 2 === 0);
  const commas = all.slice(at + 2, last).filter((_, index) => index % 2 === 1);
  const isBare = all
    .slice(at + 1, last + 1)
    .every((token, i) => /^\s*$/.test(sql.slice(all[at + i]!.end, token.start)));
  const type = typeOf(elements);
  if (elements.length === 0 || type === undefined || !isBare || commas.some(({ text }) => text !== ','))
    return undefined;
  const isNot = left < at - 1;
  return {
    start: all[left + 1]!.start,
    end: all[last]!.end,
    value: `{${elements.map(({ text }) => quoteElement(text)).join(',')}}`,
    text: parameter => `${isNot ? '<> all' : '= any'}(${type ? `${parameter}::${type}[]` : parameter})`,
  };
}

function quoteElement(text: string): string {
  return /^\d+$/.test(text) ? text : `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** Texts that stand together with a line break in between are one. */
function isContinued(sql: string, all: readonly Token[], at: number): boolean {
  const next = all[at + 1];
  return next?.kind === 'text' && /^\s*$/.test(sql.slice(all[at]!.end, next.start));
}

/** What stands to the left of a word, and of a `not` before it. */
function leftOf(all: readonly Token[], at: number): number {
  return isWord(all[at - 1], 'not') ? at - 2 : at - 1;
}

/** A column with its table, which no key word and no type can be. */
function isColumn(all: readonly Token[], at: number): boolean {
  return all[at]?.kind === 'name' && all[at - 1]?.text === '.' && all[at - 2]?.kind === 'name';
}

function isWord(token: Token | undefined, ...words: string[]): boolean {
  return token?.kind === 'word' && words.includes(token.text);
}
