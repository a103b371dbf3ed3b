import {
  ArrayType,
  BigIntType,
  DecimalType,
  type EntityProperty,
  IntervalType,
  JsonType,
  ReferenceKind,
} from '@mikro-orm/core';
import type { Json } from '../../model/json.js';
import type { TrackedAttribute } from '../../tracking/tracked-entities.js';
import { UnusableFilterError } from '../history.errors.js';

/** How the stored values of an attribute are ordered. */
export type ValueOrder = 'number' | 'date' | 'text';

/** One comparison that a stored value has to pass, with operands in stored form. */
export type Comparison =
  | { readonly kind: 'equal'; readonly isNegated: boolean; readonly values: readonly Json[] }
  | { readonly kind: 'range'; readonly operator: string; readonly value: Json; readonly order: ValueOrder }
  | { readonly kind: 'pattern'; readonly operator: string; readonly pattern: string };

/** Operators of equality, and whether they are negated. */
const EQUALITIES: Readonly<Record<string, boolean>> = { $eq: false, $ne: true, $in: false, $nin: true };
const RANGES: Readonly<Record<string, string>> = { $gt: '>', $gte: '>=', $lt: '<', $lte: '<=' };
const PATTERNS: Readonly<Record<string, string>> = { $like: 'like', $ilike: 'ilike' };

/** An object of operators; anything else is a value itself. */
export function isOperators(filter: unknown): filter is Readonly<Record<string, unknown>> {
  if (typeof filter !== 'object' || filter === null) return false;
  const names = Object.keys(filter);
  return names.length > 0 && names.every(name => name.startsWith('$'));
}

/**
 * What a filter asks of the values of an attribute, with operands in stored form.
 *
 * @param name how the filter names the attribute
 * @param stored turns a value as the application has it into its stored form
 * @throws {UnusableFilterError} if there is no such operator, or none for the values of this attribute
 */
export function comparisonsOf(
  filter: unknown,
  { prop }: TrackedAttribute,
  name: string,
  stored: (value: unknown) => Json,
): Comparison[] {
  const order = orderOf(prop);
  const operators = Object.entries(isOperators(filter) ? filter : { $eq: filter });
  return operators.map(([operator, operand]): Comparison => {
    if (operator in EQUALITIES) {
      const values = Array.isArray(operand) && operator.endsWith('in') ? operand : [operand];
      return { kind: 'equal', isNegated: EQUALITIES[operator]!, values: values.map(stored) };
    }
    if (operator in RANGES && order)
      return { kind: 'range', operator: RANGES[operator]!, value: stored(operand), order };
    if (operator in PATTERNS && order === 'text') {
      return { kind: 'pattern', operator: PATTERNS[operator]!, pattern: String(operand) };
    }
    throw new UnusableFilterError(`changed.${name}`, filter, `a value, or ${operatorsFor(order).join(', ')}`);
  });
}

function operatorsFor(order: ValueOrder | undefined): string[] {
  const tables = [EQUALITIES, ...(order ? [RANGES] : []), ...(order === 'text' ? [PATTERNS] : [])];
  return tables.flatMap(table => Object.keys(table));
}

function orderOf({ kind, customType: type, runtimeType }: EntityProperty): ValueOrder | undefined {
  if (kind !== ReferenceKind.SCALAR) return undefined;
  if (type instanceof BigIntType || type instanceof DecimalType) return 'number';
  if (type instanceof JsonType || type instanceof ArrayType || type instanceof IntervalType) return undefined;
  switch (type ? type.compareAsType() : runtimeType) {
    case 'number':
      return 'number';
    case 'Date':
      return 'date';
    case 'string':
      return 'text';
    default:
      return undefined;
  }
}
