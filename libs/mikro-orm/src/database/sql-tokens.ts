/** A part of SQL text that says something about tables, or a constant. */
export interface Token {
  /** `constant` for what is neither plain text nor a plain number. */
  readonly kind: 'word' | 'name' | 'sign' | 'text' | 'number' | 'constant';
  /** Words in lower case, as the database folds them; quoted names and texts without their quotes; else as it stands. */
  readonly text: string;
  /** Where it stands in the text. */
  readonly start: number;
  readonly end: number;
}

/** Comments and parameters are passed over; `dollar` is a dollar-quoted string. */
const TOKEN =
  /--[^\n]*|\/\*|(?<string>'(?:[^']|'')*')|(?<long>\$(?<dollar>[a-z_]*)\$[^]*?\$\k<dollar>\$)|\$\d+|(?<quoted>"(?:[^"]|"")+")|(?<word>[\p{L}_][\p{L}\p{N}_$]*)|(?<number>\d[\d.]*(?:e[+-]?\d+)?)|(?<sign>[().,;])/giu;
const ESCAPED = /(?:\\[^]|''|[^'\\])*'/y;

/** Words, names and signs. */
export function tokens(sql: string): Token[] {
  return tokensAndConstants(sql).filter(({ kind }) => kind === 'word' || kind === 'name' || kind === 'sign');
}

export function tokensAndConstants(sql: string): Token[] {
  const found: Token[] = [];
  const pattern = new RegExp(TOKEN);
  const add = (kind: Token['kind'], text: string, start: number) =>
    found.push({ kind, text, start, end: pattern.lastIndex });
  for (let match = pattern.exec(sql); match; match = pattern.exec(sql)) {
    const { string, long, quoted, word, number, sign } = match.groups!;
    const start = match.index;
    if (match[0] === '/*') pattern.lastIndex = endOfComment(sql, start);
    else if (word && /^[ebnx]$/i.test(word) && sql[pattern.lastIndex] === "'") {
      pattern.lastIndex = endOfPrefixed(sql, word, pattern.lastIndex + 1);
      add('constant', sql.slice(start, pattern.lastIndex), start);
    } else if (quoted) add('name', quoted.slice(1, -1).replaceAll('""', '"'), start);
    else if (word) add('word', word.toLowerCase(), start);
    else if (sign) add('sign', sign, start);
    else if (string) add('text', string.slice(1, -1).replaceAll("''", "'"), start);
    else if (number) add(/^\d+$/.test(number) ? 'number' : 'constant', number, start);
    else if (long) add('constant', long, start);
  }
  return found;
}

/** Comments of PostgreSQL nest. */
function endOfComment(sql: string, start: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = start;
  let depth = 0;
  for (let match = mark.exec(sql); match; match = mark.exec(sql)) {
    depth += match[0] === '/*' ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return sql.length;
}

/** Strings with a letter before them: those after an `e` have escapes. */
function endOfPrefixed(sql: string, prefix: string, start: number): number {
  if (prefix.toLowerCase() !== 'e') {
    const plain = /(?:''|[^'])*'/y;
    plain.lastIndex = start;
    return plain.test(sql) ? plain.lastIndex : sql.length;
  }
  ESCAPED.lastIndex = start;
  return ESCAPED.test(sql) ? ESCAPED.lastIndex : sql.length;
}
