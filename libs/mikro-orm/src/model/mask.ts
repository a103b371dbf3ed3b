import type { Json } from './json.js';

/**
 * What stands in the history in place of a value, made from the value as it would be stored, which is never `null`:
 * `iban => '…' + String(iban).slice(-4)`. Called for each old and new value; it must return text, and be quick.
 */
export type MaskFunction = (value: Json) => string;

/** How values are masked: by the text of the option `maskWith`, or by a function. */
export type Mask = true | MaskFunction;

/** The masked attributes and collections of a class, by name. */
export type Masks = ReadonlyMap<string, Mask>;
