export interface Block {
  readonly document: string;
  readonly language: string;
  /** The words after the language: `alone`, `scoped`, `output`, `plain`, `run`. */
  readonly words: readonly string[];
  /** Inside an HTML comment: it runs, and readers do not see it. */
  readonly isHidden: boolean;
  /** 1-based lines of the opening and the closing fence. */
  readonly opens: number;
  readonly closes: number;
  readonly code: string;
  /** Counts the headings above: an output belongs to a block under the same one. */
  readonly section: number;
}

interface Opening {
  readonly closing: RegExp;
  readonly indent: number;
  readonly info: string;
  readonly isHidden: boolean;
  readonly line: number;
}

/** The fenced blocks of a Markdown text, with the blocks hidden in `<!-- ts hidden … -->` comments. */
export function blocksOf(document: string, text: string): Block[] {
  const lines = text.split('\n');
  const blocks: Block[] = [];
  let section = 0;
  for (let at = 0; at < lines.length; at++) {
    if (/^#{1,6} /.test(lines[at]!)) section++;
    const opening = openingAt(lines[at]!, at + 1);
    if (!opening) continue;
    const closes = lines.findIndex((line, i) => i > at && opening.closing.test(line));
    if (closes < 0) throw new Error(`${document}:${at + 1} opens a block that nothing closes.`);
    blocks.push(blockOf(document, opening, lines.slice(at + 1, closes), closes + 1, section));
    at = closes;
  }
  return blocks.filter(block => block.language !== COMMENT);
}

/** Comments that hide no block: read over, so that a fence inside one is not taken for a block. */
const COMMENT = '<!--';

function openingAt(text: string, line: number): Opening | undefined {
  const fence = text.match(/^( *)(`{3,}|~{3,})\s*([^`]*)$/);
  if (fence) {
    const [, indent = '', ticks = '', info = ''] = fence;
    const closing = new RegExp(`^ *${ticks[0]}{${ticks.length},}\\s*$`);
    return { closing, indent: indent.length, info, isHidden: false, line };
  }
  if (!/^\s*<!--/.test(text) || text.includes('-->')) return undefined;
  const [, hidden] = text.match(/^\s*<!-- *(\w+ hidden\b.*)$/) ?? [];
  return { closing: /-->\s*$/, indent: 0, info: hidden ?? COMMENT, isHidden: true, line };
}

function blockOf(document: string, opening: Opening, lines: string[], closes: number, section: number): Block {
  const [language = '', ...words] = opening.info.trim().split(/\s+/);
  const code = lines.map(line => line.slice(Math.min(opening.indent, line.search(/\S|$/)))).join('\n');
  return { document, language, words, isHidden: opening.isHidden, opens: opening.line, closes, code, section };
}
