/** What changes from run to run, and the word that a document writes for it. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  '<time>': String.raw`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)?`,
  '<uuid>': String.raw`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`,
  '<number>': String.raw`-?\d+(\.\d+)?`,
};

/**
 * Both texts, comparable: trailing blanks dropped, and what a placeholder stands for replaced by it. With a placeholder
 * in it, widths are free in the whole text: a table's column is as wide as the value, not as the word.
 */
export function comparable(expected: string, actual: string): { expected: string; actual: string } {
  const wanted = linesOf(expected);
  const isFree = new RegExp(PLACEHOLDER).test(expected);
  const got = linesOf(actual).map((line, i) => (isFree && patternOf(wanted[i] ?? '').test(line) ? wanted[i]! : line));
  return { expected: wanted.join('\n'), actual: got.join('\n') };
}

const PLACEHOLDER = Object.keys(PLACEHOLDERS).join('|');

function linesOf(text: string): string[] {
  const lines = text.split('\n').map(line => line.trimEnd());
  return lines
    .join('\n')
    .replace(/^\n+|\n+$/g, '')
    .split('\n');
}

function patternOf(line: string): RegExp {
  const parts = line.split(new RegExp(`(${PLACEHOLDER}| +|-{2,}|─{2,})`));
  return new RegExp(`^${parts.map(part => PLACEHOLDERS[part] ?? freeWidth(part) ?? escape(part)).join('')}$`);
}

function freeWidth(part: string): string | undefined {
  if (/^ +$/.test(part)) return ' *';
  return /^(-{2,}|─{2,})$/.test(part) ? `${part[0]}+` : undefined;
}

function escape(text: string): string {
  return text.replace(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
}
