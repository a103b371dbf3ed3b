import { BigIntType, DateType, DecimalType, type EntityProperty, TimeType } from '@mikro-orm/core';
import type { Json } from '../model/json.js';

/** Compares two stored values of one property; neither is null. */
export type Order = (a: Json, b: Json) => number;

/** How the database orders a property's values, where their stored forms tell. */
export function orderOf(prop: EntityProperty): Order | undefined {
  const { customType } = prop;
  if (customType instanceof BigIntType) return (a, b) => sign(BigInt(a as string) - BigInt(b as string));
  if (customType instanceof DecimalType) return compareDecimals;
  if (customType instanceof DateType || customType instanceof TimeType) return compareText;
  switch (customType ? customType.compareAsType() : prop.runtimeType) {
    case 'number':
      return (a, b) => Number(a) - Number(b);
    case 'Date':
      return (a, b) => new Date(a as string).getTime() - new Date(b as string).getTime();
    default:
      return undefined;
  }
}

function compareText(a: Json, b: Json): number {
  return a === b ? 0 : (a as string) < (b as string) ? -1 : 1;
}

/** Decimals have more digits than numbers. */
function compareDecimals(a: Json, b: Json): number {
  const [left, right] = [String(a as string | number), String(b as string | number)];
  if (![left, right].every(text => /^-?\d/.test(text))) return Number(left) - Number(right);
  const digits = Math.max(decimals(left), decimals(right));
  return sign(scaled(left, digits) - scaled(right, digits));
}

function decimals(text: string): number {
  const point = text.indexOf('.');
  return point < 0 ? 0 : text.length - point - 1;
}

function scaled(text: string, digits: number): bigint {
  return BigInt(text.replace('.', '') + '0'.repeat(digits - decimals(text)));
}

function sign(difference: bigint): number {
  return difference === 0n ? 0 : difference < 0n ? -1 : 1;
}
