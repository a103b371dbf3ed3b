// PostgreSQL rounds what it stores to the declared precision; history has to hold what the row holds.

/** Rounds decimal text to a number of digits after the point: half away from zero, as `numeric` does. */
export function roundDecimal(text: string, scale: number): string {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(text.trim());
  if (!match || (!match[2] && !match[3])) return text;
  const [, sign = '', whole = '', fraction = ''] = match;
  const digits = BigInt(whole + fraction.slice(0, scale).padEnd(scale, '0') || '0');
  const rounded = String(digits + (Number(fraction[scale] ?? 0) >= 5 ? 1n : 0n)).padStart(scale + 1, '0');
  const unsigned = scale ? `${rounded.slice(0, -scale)}.${rounded.slice(-scale)}` : rounded;
  return sign === '-' && /[1-9]/.test(unsigned) ? `-${unsigned}` : unsigned;
}

/** The shortest number that a 4-byte `real` column gives back for `value`. */
export function roundReal(value: number): number {
  const stored = Math.fround(value);
  for (let digits = 6; digits <= 9; digits++) {
    const candidate = Number(stored.toPrecision(digits));
    if (Math.fround(candidate) === stored) return candidate;
  }
  return stored;
}

/** Rounds a date to a number of digits after the second; a JavaScript date has three. */
export function roundDate(date: Date, digits: number): Date {
  if (digits >= 3) return date;
  const unit = 10 ** (3 - digits);
  return new Date(Math.floor(date.getTime() / unit + 0.5) * unit);
}
