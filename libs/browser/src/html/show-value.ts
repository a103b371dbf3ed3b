import type { Json } from '@revy/mikro-orm';
import { type Html, markup } from './markup.js';
import { wordDiff } from './word-diff.js';

/** Longer texts are cut, unless everything is asked for. */
export const LONGEST_VALUE = 20_000;

/** In place of a value that nobody is shown. */
export const MASKED = markup`<span class="dim">masked</span>`;
/** In place of a value that nobody knows. */
export const UNKNOWN = markup`<span class="dim">unknown</span>`;

const NULL = markup`<span class="dim code">null</span>`;
const NOTHING = markup`<span class="dim">–</span>`;

/** How the two sides of a change are shown. */
export interface ShownChange {
  readonly before: Html;
  readonly after: Html;
}

export interface ShowOptions {
  /** Whatever is stored of it, nobody is shown the value. */
  readonly isMasked: boolean;
  /** How many characters of a text are shown. */
  readonly longest: number;
}

/** A value in stored form; `undefined` where there is none. */
export function showValue(value: Json | undefined, { isMasked, longest }: ShowOptions): Html {
  if (value === undefined) return NOTHING;
  if (value === null) return NULL;
  return isMasked ? MASKED : shown(textOf(value), isProse(value), longest);
}

/** Both sides of a change, with the words that differ marked. */
export function showChange(before: Json | undefined, after: Json | undefined, options: ShowOptions): ShownChange {
  const isWhole = [before, after].every(value => value !== undefined && value !== null);
  const words = isWhole && !options.isMasked ? wordDiff(textOf(before!), textOf(after!)) : undefined;
  if (!words) return { before: showValue(before, options), after: showValue(after, options) };
  const kind = isProse(before!) && isProse(after!) ? 'value' : 'value code';
  const wrap = (side: Html) => markup`<bdi class="${kind}">${side}</bdi>`;
  return { before: wrap(words.before), after: wrap(words.after) };
}

/** A value as text; what JSON has no word for is stored with a tag, which says nothing to a reader. */
export function textOf(value: Json): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && '$revy' in value)
    return String((value as { value?: unknown }).value);
  return JSON.stringify(value, undefined, 2);
}

function isProse(value: Json): boolean {
  return typeof value === 'string';
}

function shown(text: string, isText: boolean, longest: number): Html {
  const isLong = text.length > 500;
  const kind = `value${isText ? '' : ' code'}${isLong ? ' long' : ''}`;
  // what scrolls has to be within a keyboard's reach
  const reach = isLong && markup` tabindex="0" role="group" aria-label="A long value"`;
  const rest = text.length - longest;
  if (rest <= 0) return markup`<bdi class="${kind}"${reach}>${text}</bdi>`;
  const more = markup`<span class="dim">… and ${rest} more characters</span>`;
  return markup`<bdi class="${kind}"${reach}>${text.slice(0, longest)}</bdi> ${more}`;
}
