import { Logger } from '@nestjs/common';
import { RevyOptionError } from '@revy/mikro-orm';
import type { Html } from '../html/markup.js';

/**
 * Gives what a value is shown as: a text, which is escaped, or markup of the template `markup`, which escapes what it is
 * given. `undefined` leaves the value as it would be without a renderer.
 *
 * It gets the value as it is stored, of any time and form, and never one that is null, unknown or masked. Where it
 * throws, the value is shown as without it, and the log says so.
 */
export type ValueRenderer = (value: unknown) => string | Html | undefined;

/** By stored type and attribute: `{ Post: { price: value => `${String(value)} €` } }`. */
export type ValueRenderers = Readonly<Record<string, Readonly<Record<string, ValueRenderer>>>>;

const logger = new Logger('RevyBrowserModule');

/** A renderer that cannot keep a page from being shown. */
export function steady(render: ValueRenderer, name: string): ValueRenderer {
  return value => {
    try {
      return render(value);
    } catch (error) {
      logger.warn(`The renderer of ${name} failed, so that its value is shown as it is stored: ${String(error)}`);
      return undefined;
    }
  };
}

/** @throws {RevyOptionError} if something else than a function is to render an attribute */
export function checkRenderers(renderers: ValueRenderers): void {
  for (const [type, attributes] of Object.entries(renderers)) {
    for (const [attribute, render] of Object.entries(attributes)) {
      if (typeof render === 'function') continue;
      throw new RevyOptionError(`render.${type}.${attribute}`, render, 'a function');
    }
  }
}
