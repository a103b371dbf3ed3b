/** Markup that is safe to send. Only {@link markup} makes it, and it escapes every value. */
export class Html {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** The markup as text. */
  get text(): string {
    return this.#text;
  }

  /** For {@link markup} alone: what has not been escaped must not become markup. */
  static ofEscaped(text: string): Html {
    return new Html(text);
  }
}

/** What a template may hold: markup, text, several of them, or nothing. */
export type HtmlValue = Html | string | number | null | undefined | false | readonly HtmlValue[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/**
 * Characters that nobody sees: controls, for which HTML has no form, and those that turn the direction of the text after
 * them, by which a value could look like another one.
 */
// oxlint-disable-next-line no-control-regex -- finding them is what it is for
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** Text for between tags, or between the quotes of an attribute. */
export function escapeHtml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll('\r\n', '\n')
    .replace(UNSEEN, visible)
    .replace(/[&<>"'`]/g, character => ENTITIES[character]!);
}

function visible(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '\u2421' : `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
}

/** Markup from a template. Values are escaped unless they are markup themselves; attributes have to be quoted. */
export function markup(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  const text = parts.map((part, index) => (index < values.length ? `${part}${textOf(values[index])}` : part));
  return Html.ofEscaped(text.join(''));
}

function textOf(value: HtmlValue): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(textOf).join('');
  return escapeHtml(String(value as string | number));
}
