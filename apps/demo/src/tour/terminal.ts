import { stripVTControlCharacters, styleText } from 'node:util';
import { type Column, layOutTable, textWidth } from './lay-out-table.js';

type Format = Parameters<typeof styleText>[0];

/** Where the tour writes: a stream, or anything that takes text. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const MAX_COLUMNS = 100;

/** Words, headings and tables for a person in front of a terminal; plain text where nobody is. */
export class Terminal {
  readonly isInteractive: boolean;
  private readonly isColoured: boolean;
  private sections = 0;

  constructor(
    private readonly output: Output,
    environment: NodeJS.ProcessEnv = process.env,
  ) {
    this.isInteractive = output.isTTY === true && environment.TERM !== 'dumb';
    this.isColoured = environment.FORCE_COLOR ? true : this.isInteractive && !environment.NO_COLOR;
  }

  get columns(): number {
    return Math.max(40, Math.min(this.output.columns ?? MAX_COLUMNS, MAX_COLUMNS));
  }

  line(text = ''): void {
    this.output.write(`${text}\n`);
  }

  /** A numbered part of the tour. */
  section(title: string): void {
    this.sections += 1;
    this.line();
    this.line(`${this.style('cyan', String(this.sections))}  ${this.style('bold', title)}`);
    this.line();
  }

  /** A sentence below a heading, wrapped and indented. */
  say(text: string): void {
    let line = '';
    for (const word of text.split(' ')) {
      const longer = line === '' ? word : `${line} ${word}`;
      if (line !== '' && textWidth(stripVTControlCharacters(longer)) > this.columns - 2) {
        this.line(`  ${line}`);
        line = word;
      } else {
        line = longer;
      }
    }
    this.line(`  ${line}`);
  }

  /** Lines of a program, and an empty one. */
  code(text: string): void {
    for (const line of text.split('\n')) {
      this.line(`  ${this.style('dim', line)}`);
    }
    this.line();
  }

  success(text: string): void {
    this.say(`${this.style('green', '✔')} ${text}`);
  }

  failure(text: string): void {
    this.say(`${this.style('red', '✘')} ${text}`);
  }

  warning(text: string): void {
    this.say(`${this.style('yellow', '!')} ${text}`);
  }

  table(columns: readonly Column[], rows: readonly (readonly string[])[]): void {
    const [head = '', ...body] = layOutTable(columns, rows, this.columns - 2);
    this.line(`  ${this.style('dim', head)}`);
    for (const line of body) {
      this.line(`  ${line}`);
    }
  }

  /** Writes over the present line; only where somebody watches. */
  overwrite(text: string): void {
    if (this.isInteractive) {
      this.output.write(`\r\x1b[2K${text}`);
    }
  }

  style(format: Format, text: string): string {
    return this.isColoured ? styleText(format, text, { validateStream: false }) : text;
  }
}
