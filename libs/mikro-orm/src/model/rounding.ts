// PostgreSQL rounds what it stores to the declared precision, and has one form for texts that mean the same; history
// has to hold what the row holds.

/**
 * Rounds decimal text to a number of digits after the point: half away from zero, as `numeric` does. Without a number
 * all digits stay, as in a `numeric` that declares none.
 */
export function roundDecimal(text: string, declaredScale?: number): string {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,4}))?$/i.exec(text.trim());
  if (!match || (!match[2] && !match[3])) return text;
  const [, sign = '', significant = '', decimals = '', exponent = '0'] = match;
  const [whole, fraction] = movePoint(significant, decimals, Number(exponent));
  const scale = declaredScale ?? fraction.length;
  const digits = BigInt(whole + fraction.slice(0, scale).padEnd(scale, '0') || '0');
  const rounded = String(digits + (Number(fraction[scale] ?? 0) >= 5 ? 1n : 0n)).padStart(scale + 1, '0');
  const unsigned = scale ? `${rounded.slice(0, -scale)}.${rounded.slice(-scale)}` : rounded;
  return sign === '-' && /[1-9]/.test(unsigned) ? `-${unsigned}` : unsigned;
}

function movePoint(whole: string, fraction: string, places: number): [whole: string, fraction: string] {
  const left = places < 0 ? whole.padStart(-places, '0') : whole;
  const right = places > 0 ? fraction.padEnd(places, '0') : fraction;
  const point = left.length + places;
  const digits = left + right;
  return [digits.slice(0, point), digits.slice(point)];
}

/** The number that PostgreSQL prints for a 4-byte `real`: the shortest that lies nearer to it than to any other `real`. */
export function roundReal(value: number): number {
  const stored = Math.abs(Math.fround(value));
  if (stored === 0) return 0;
  const lower = (stored + neighbour(stored, -1)) / 2;
  const next = neighbour(stored, 1);
  const upper = next === Infinity ? 2 * stored - lower : (stored + next) / 2;
  for (let digits = 1; digits < 9; digits++) {
    const candidate = roundToDigits(stored, digits);
    if (candidate > lower && candidate < upper) return value < 0 ? -candidate : candidate;
  }
  return Math.sign(value) * roundToDigits(stored, 9);
}

function neighbour(real: number, steps: 1 | -1): number {
  const bits = new Int32Array(Float32Array.of(real).buffer);
  bits[0]! += steps;
  return new Float32Array(bits.buffer)[0]!;
}

/** Half to even, as PostgreSQL does it; `toPrecision` rounds half up. */
function roundToDigits(real: number, digits: number): number {
  const [mantissa, exponent] = real.toExponential(20).split('e') as [string, string];
  const [kept, dropped] = [mantissa.slice(0, digits + 1), mantissa.slice(digits + 1)];
  const isTieToEven = digits > 1 && /^50*$/.test(dropped) && Number(kept.at(-1)) % 2 === 0;
  return isTieToEven ? Number(`${kept}e${exponent}`) : Number(real.toPrecision(digits));
}

/** Rounds a date to a number of digits after the second; a JavaScript date has three. */
export function roundDate(date: Date, digits: number): Date {
  if (digits >= 3) return date;
  const unit = 10 ** (3 - digits);
  return new Date(Math.floor(date.getTime() / unit + 0.5) * unit);
}

/** A uuid as PostgreSQL prints it; it also reads upper case, braces, and hyphens elsewhere or nowhere. */
export function canonicalUuid(text: string): string {
  const digits = text.replace(/[{}-]/g, '').toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(digits)) return text;
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const INTERVAL_PART = /([+-]?\d+(?:\.\d+)?) *(y|mon|d|h|m|s)[a-z]*|([+-]?)(\d+):(\d+)(?::(\d+(?:\.\d+)?))?/g;

/** An interval as PostgreSQL prints it, from that form or from words (`1 day 2 hours`); other forms stay as they are. */
export function canonicalInterval(text: string): string {
  if (!/^0?$/.test(text.replace(INTERVAL_PART, '').trim())) return text;
  let [months, days, microseconds] = [0, 0, 0];
  for (const [, count, unit, sign, hours, minutes, seconds = '0'] of text.matchAll(INTERVAL_PART)) {
    const clock = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
    if (unit === undefined) microseconds += Math.round(clock * 1e6) * (sign === '-' ? -1 : 1);
    else if (unit === 'y') months += Number(count) * 12;
    else if (unit === 'mon') months += Number(count);
    else if (unit === 'd') days += Number(count);
    else microseconds += Math.round(Number(count) * { h: 3600e6, m: 60e6, s: 1e6 }[unit as 'h' | 'm' | 's']);
  }
  return Number.isInteger(months) && Number.isInteger(days) ? intervalText(months, days, microseconds) : text;
}

function intervalText(months: number, days: number, microseconds: number): string {
  const counted = [
    [Math.trunc(months / 12), 'year'],
    [months % 12, 'mon'],
    [days, 'day'],
  ] as const;
  let isAfterNegative = false;
  const parts: string[] = [];
  for (const [count, unit] of counted) {
    if (count === 0) continue;
    parts.push(`${isAfterNegative && count > 0 ? '+' : ''}${count} ${unit}${count === 1 ? '' : 's'}`);
    isAfterNegative = count < 0;
  }
  const sign = microseconds < 0 ? '-' : isAfterNegative && microseconds > 0 ? '+' : '';
  if (microseconds !== 0 || parts.length === 0) parts.push(sign + clockText(Math.abs(microseconds)));
  return parts.join(' ');
}

function clockText(microseconds: number): string {
  const seconds = Math.floor(microseconds / 1e6);
  const two = (count: number) => String(Math.floor(count)).padStart(2, '0');
  const fraction = String(microseconds % 1e6)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}${fraction && `.${fraction}`}`;
}
