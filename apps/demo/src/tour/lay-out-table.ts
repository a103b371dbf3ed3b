export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Where to cut when the table is too wide for the terminal: the end by default. */
  readonly cut?: 'start' | 'end';
}

const GAP = 2;
const MIN_COLUMN = 8;

/** The lines of a table: the head first, columns aligned, the widest ones cut until it fits. */
export function layOutTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  maxWidth: number,
): readonly string[] {
  const titles = columns.map(column => column.title);
  const cells = [titles, ...rows].map(row => columns.map((_, index) => oneLine(row[index] ?? '')));
  const widths = fitWidths(
    columns.map((_, index) => Math.max(...cells.map(row => textWidth(row[index]!)))),
    maxWidth - GAP * (columns.length - 1),
  );
  return cells.map(row =>
    columns
      .map((column, index) => fitCell(row[index]!, widths[index]!, column))
      .join(' '.repeat(GAP))
      .trimEnd(),
  );
}

function fitWidths(natural: readonly number[], available: number): number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, width) => sum + width, 0) - available;
  while (excess > 0) {
    const widest = Math.max(...widths);
    if (widest <= MIN_COLUMN) {
      break;
    }
    widths[widths.indexOf(widest)]! -= 1;
    excess -= 1;
  }
  return widths;
}

function fitCell(text: string, width: number, { align = 'left', cut = 'end' }: Column): string {
  let shown = text;
  if (textWidth(text) > width) {
    const letters = Array.from(text);
    while (textWidth(letters.join('')) > width - 1) {
      letters.splice(cut === 'start' ? 0 : -1, 1);
    }
    shown = cut === 'start' ? `…${letters.join('')}` : `${letters.join('')}…`;
  }
  const padding = ' '.repeat(Math.max(0, width - textWidth(shown)));
  return align === 'right' ? padding + shown : shown + padding;
}

function oneLine(text: string): string {
  // eslint-disable-next-line no-control-regex -- a file name may hold control characters, and they must not act
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '·');
}

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** How many cells of a terminal a text takes: East Asian letters and emoji take two, combining marks none. */
export function textWidth(text: string): number {
  let width = 0;
  for (const letter of text) {
    width += /\p{M}|\u200d/u.test(letter) ? 0 : WIDE.test(letter) ? 2 : 1;
  }
  return width;
}
