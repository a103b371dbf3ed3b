/** A name for SQL text. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text constant for SQL text, for what has no place among the parameters. */
export function quoteText(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}

/** A constant of type `text[]`. */
export function quoteTexts(texts: Iterable<string>): string {
  const elements = [...texts].map(text => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`);
  return `${quoteText(`{${elements.join(',')}}`)}::text[]`;
}
