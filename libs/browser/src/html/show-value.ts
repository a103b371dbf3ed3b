import type { Json } from '@revy/mikro-orm';
import type { ValueRenderer } from '../wording/renderers.js';
import { Html, markup } from './markup.js';
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
  /** What the application shows in place of the value. */
  readonly render?: ValueRenderer | undefined;
}

/** A value in stored form; `undefined` where there is none. */
export function showValue(value: Json | undefined, options: ShowOptions): Html {
  if (value === undefined) return NOTHING;
  if (value === null) return NULL;
  return options.isMasked ? MASKED : shown(readable(value, options), options.longest);
}

/** Both sides of a change, with the words that differ marked. */
export function showChange(before: Json | undefined, after: Json | undefined, options: ShowOptions): ShownChange {
  const one = (value: Json | undefined) => showValue(value, options);
  if (options.isMasked || (before ?? null) === null || (after ?? null) === null) {
    return { before: one(before), after: one(after) };
  }
  const [was, is] = [readable(before!, options), readable(after!, options)];
  const words = was instanceof Html || is instanceof Html ? undefined : wordDiff(was.text, is.text);
  if (!words) return { before: shown(was, options.longest), after: shown(is, options.longest) };
  const kind = [was, is].some(side => !(side instanceof Html) && side.isCode) ? 'value code' : 'value';
  const wrap = (side: Html) => markup`<bdi class="${kind}">${side}</bdi>`;
  return { before: wrap(words.before), after: wrap(words.after) };
}

/** What a reader sees of a value: markup of the application, or text. */
type Readable = Html | { readonly text: string; readonly isCode: boolean };

function readable(value: NonNullable<Json>, { render }: ShowOptions): Readable {
  const rendered = render?.(value);
  if (rendered instanceof Html) return rendered;
  if (rendered !== undefined) return { text: String(rendered), isCode: false };
  return { text: textOf(value), isCode: typeof value !== 'string' };
}

/** A value as text; what JSON has no word for is stored with a tag, which says nothing to a reader. */
export function textOf(value: Json): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && '$revy' in value)
    return String((value as { value?: unknown }).value);
  return JSON.stringify(value, undefined, 2);
}

function shown(value: Readable, longest: number): Html {
  if (value instanceof Html) return value;
  const { text, isCode } = value;
  const isLong = text.length > 500;
  const kind = `value${isCode ? ' code' : ''}${isLong ? ' long' : ''}`;
  // what scrolls has to be within a keyboard's reach
  const reach = isLong && markup` tabindex="0" role="group" aria-label="A long value"`;
  const rest = text.length - longest;
  if (rest <= 0) return markup`<bdi class="${kind}"${reach}>${text}</bdi>`;
  const more = markup`<span class="dim">… and ${rest} more characters</span>`;
  return markup`<bdi class="${kind}"${reach}>${text.slice(0, longest)}</bdi> ${more}`;
}
