import { defineEntity, p, Type } from '@mikro-orm/core';

/** One property of one type, and values that such a property can hold. */
export interface Sample {
  readonly property: string;
  /** What the type is, for the title of the test. */
  readonly type: string;
  readonly values: readonly [first: Value, second: Value, ...more: Value[]];
}

export interface Value {
  readonly set: unknown;
  /** How history stores it; the same as `set` unless said otherwise. */
  readonly stored?: unknown;
}

export class Money {
  constructor(
    readonly cents: number,
    readonly currency: string,
  ) {}
}

/** An object stored as text. */
export class MoneyType extends Type<Money | null, string | null> {
  override convertToDatabaseValue(value: Money | null): string | null {
    return value && `${value.cents} ${value.currency}`;
  }

  override convertToJSValue(value: string | null): Money | null {
    if (typeof value !== 'string') return value;
    const [cents, currency] = value.split(' ');
    return new Money(Number(cents), currency!);
  }

  override getColumnType(): string {
    return 'text';
  }
}

/** Days since 1970, stored as a timestamp. */
export class DayType extends Type<number | null, Date | null> {
  override convertToDatabaseValue(value: number | null): Date | null {
    return value === null || value === undefined ? null : new Date(value * 86_400_000);
  }

  override convertToJSValue(value: Date | string | null): number | null {
    return value === null || value === undefined ? null : new Date(value).getTime() / 86_400_000;
  }

  override getColumnType(): string {
    return 'timestamptz(3)';
  }
}

/** Text stored as bytes. */
export class SecretType extends Type<string | null, Buffer | null> {
  override convertToDatabaseValue(value: string | null): Buffer | null {
    return value === null || value === undefined ? null : Buffer.from(value).reverse();
  }

  override convertToJSValue(value: Buffer | null): string | null {
    return value === null || value === undefined ? null : Buffer.from(value).reverse().toString();
  }

  override getColumnType(): string {
    return 'bytea';
  }
}

/** A pair stored as `jsonb`. */
export class RangeType extends Type<readonly [number, number] | null, object | null> {
  override convertToDatabaseValue(value: readonly [number, number] | null): object | null {
    return value && { from: value[0], to: value[1] };
  }

  override convertToJSValue(value: unknown): readonly [number, number] | null {
    const parsed = (typeof value === 'string' ? JSON.parse(value) : value) as { from: number; to: number } | null;
    return parsed && [parsed.from, parsed.to];
  }

  override getColumnType(): string {
    return 'jsonb';
  }
}

export class Geo {
  lat!: number | null;
  at!: Date | null;
}

export class Address {
  street!: string;
  zip!: string | null;
  geo!: Geo | null;
}

const GeoSchema = defineEntity({
  class: Geo,
  embeddable: true,
  properties: { lat: p.double().nullable(), at: p.datetime().nullable() },
});

const AddressSchema = defineEntity({
  class: Address,
  embeddable: true,
  properties: { street: p.string(), zip: p.string().nullable(), geo: () => p.embedded(Geo).nullable() },
});

export enum Mood {
  Sad = 'sad',
  Ok = 'ok',
}

export enum Level {
  Low,
  High,
}

export class Specimen {
  id!: number;
  [property: string]: unknown;
}

export const SpecimenSchema = defineEntity({
  class: Specimen as new () => Specimen,
  properties: {
    id: p.integer().primary().autoincrement(),
    integer: p.integer().nullable(),
    smallint: p.smallint().nullable(),
    tinyint: p.tinyint().nullable(),
    bigint: p.bigint().nullable(),
    bigintNumber: p.bigint('number').nullable(),
    bigintString: p.bigint('string').nullable(),
    decimal: p.decimal().precision(12).scale(2).nullable(),
    decimalNumber: p.decimal('number').precision(12).scale(3).nullable(),
    decimalFree: p.decimal().columnType('numeric').nullable(),
    real: p.float().nullable(),
    double: p.double().nullable(),
    boolean: p.boolean().nullable(),
    string: p.string().nullable(),
    text: p.text().nullable(),
    char: p.character().length(5).nullable(),
    uuid: p.uuid().nullable(),
    date: p.date().nullable(),
    datetime: p.datetime().nullable(),
    datetime0: p.datetime(0).nullable(),
    datetime3: p.datetime(3).nullable(),
    datetime6: p.datetime(6).nullable(),
    localDatetime: p.datetime().columnType('timestamp(3)').nullable(),
    time: p.time().nullable(),
    interval: p.interval().nullable(),
    mood: p
      .enum(() => Mood)
      .nativeEnumName('mood')
      .nullable(),
    moodText: p.enum(() => Mood).nullable(),
    level: p.enum(() => Level).nullable(),
    moods: p
      .enum(() => Mood)
      .array()
      .nullable(),
    strings: p.array().nullable(),
    integers: p.array(Number, String).columnType('int[]').nullable(),
    json: p.json<unknown>().nullable(),
    blob: p.blob().nullable(),
    bytes: p.uint8array().nullable(),
    money: p.type(MoneyType).nullable(),
    day: p.type(DayType).nullable(),
    secret: p.type(SecretType).nullable(),
    range: p.type(RangeType).nullable(),
    home: () => p.embedded(Address).nullable(),
    office: () => p.embedded(Address).object().nullable(),
    places: () => p.embedded(Address).array().nullable(),
    inet: p.string().columnType('inet').nullable(),
  } as never,
});

/** What a user sees of an entity: its enumerable own values. */
export function valuesOf(entity: object): Record<string, unknown> {
  return { ...entity };
}

export const SPECIMEN = [GeoSchema, AddressSchema, SpecimenSchema];

const day = (iso: string) => ({ set: new Date(iso), stored: new Date(iso).toISOString() });
const bytes = (...list: number[]) => ({ set: Buffer.from(list), stored: Buffer.from(list).toString('base64') });
const address = (street: string, zip: string | null, geo: Geo | null = null): Address =>
  Object.assign(new Address(), { street, zip, geo });
const geo = (lat: number | null, at: Date | null): Geo => Object.assign(new Geo(), { lat, at });

const INTERVALS: Sample['values'] = [
  { set: '1 day 02:00:00' },
  { set: '1 mon -00:00:01' },
  { set: '-1 years -2 mons +3 days -04:05:06.5' },
  { set: '36 hours', stored: '36:00:00' },
  { set: '1 year 2 months 3 days 4 hours 5 minutes 6.789 seconds', stored: '1 year 2 mons 3 days 04:05:06.789' },
  { set: '14 months', stored: '1 year 2 mons' },
  { set: '0 seconds', stored: '00:00:00' },
];

const noon = new Date('2026-02-03T12:00:00.000Z');

export const SAMPLES: readonly Sample[] = [
  { property: 'integer', type: 'integer', values: [{ set: 0 }, { set: -2_147_483_648 }, { set: 2_147_483_647 }] },
  { property: 'smallint', type: 'smallint', values: [{ set: 0 }, { set: -32_768 }] },
  { property: 'tinyint', type: 'tinyint', values: [{ set: 1 }, { set: 127 }] },
  {
    property: 'bigint',
    type: 'bigint as bigint',
    values: [
      { set: 0n, stored: '0' },
      { set: 9_223_372_036_854_775_807n, stored: '9223372036854775807' },
      { set: -9_223_372_036_854_775_808n, stored: '-9223372036854775808' },
    ],
  },
  {
    property: 'bigintNumber',
    type: 'bigint as number',
    values: [
      { set: 0, stored: '0' },
      { set: Number.MAX_SAFE_INTEGER, stored: '9007199254740991' },
    ],
  },
  { property: 'bigintString', type: 'bigint as string', values: [{ set: '0' }, { set: '9007199254740993' }] },
  {
    property: 'decimal',
    type: 'decimal as string, rounded by the column',
    values: [
      { set: '0', stored: '0.00' },
      { set: '1.005', stored: '1.01' },
      { set: '-1.005', stored: '-1.01' },
      { set: '-0.001', stored: '0.00' },
      { set: '9999999999.99' },
      { set: '1e3', stored: '1000.00' },
    ],
  },
  {
    property: 'decimalNumber',
    type: 'decimal as number',
    values: [
      { set: 0, stored: '0.000' },
      { set: 0.1 + 0.2, stored: '0.300' },
      { set: 1e-7, stored: '0.000' },
      { set: -12.3456, stored: '-12.346' },
    ],
  },
  {
    property: 'decimalFree',
    type: 'numeric without a precision',
    values: [
      { set: '1.50' },
      { set: '123456789012345678901234567890.123456789' },
      { set: '-0', stored: '0' },
      { set: '1.5e-7', stored: '0.00000015' },
      { set: '007', stored: '7' },
    ],
  },
  {
    property: 'real',
    type: 'real',
    values: [
      { set: 0.1 },
      { set: 1 / 3, stored: 0.33333334 },
      { set: 16_777_217, stored: 16_777_216 },
      { set: 3.4e38 },
    ],
  },
  {
    property: 'double',
    type: 'double',
    values: [{ set: 0 }, { set: 0.1 + 0.2 }, { set: -0, stored: 0 }, { set: 5e-324 }, { set: 1.7976931348623157e308 }],
  },
  { property: 'boolean', type: 'boolean', values: [{ set: false }, { set: true }] },
  {
    property: 'string',
    type: 'varchar',
    values: [
      { set: '' },
      { set: ' ' },
      { set: 'null' },
      { set: `it's "quoted" 100% \\ $1 ? ?? :x` },
      { set: String.raw`\ud800 \\ud800 \u0000` },
      { set: 'ünïcödé 漢字 👩‍👩‍👧‍👦 \u{10FFFF} \u200D' },
      { set: 'line\nbreak\r\n\ttab\u0001\u007F' },
    ],
  },
  { property: 'text', type: 'text', values: [{ set: 'x'.repeat(1_000_000) }, { set: '漢👍'.repeat(200_000) }] },
  { property: 'char', type: 'char, padded by the column', values: [{ set: 'ab', stored: 'ab   ' }, { set: 'abcde' }] },
  {
    property: 'uuid',
    type: 'uuid, in lower case in the column',
    values: [
      { set: '0195b3c0-0000-7000-8000-000000000001' },
      { set: '0195B3C0-0000-7000-8000-00000000000A', stored: '0195b3c0-0000-7000-8000-00000000000a' },
    ],
  },
  { property: 'date', type: 'date', values: [{ set: '2026-02-03' }, { set: '0001-01-01' }, { set: '9999-12-31' }] },
  {
    property: 'datetime',
    type: 'timestamptz',
    values: [day('2026-02-03T04:05:06.789Z'), day('1969-12-31T23:59:59.000Z')],
  },
  {
    property: 'datetime0',
    type: 'timestamptz(0), rounded by the column',
    values: [
      { set: new Date('2026-02-03T04:05:06.499Z'), stored: '2026-02-03T04:05:06.000Z' },
      { set: new Date('2026-02-03T04:05:06.500Z'), stored: '2026-02-03T04:05:07.000Z' },
      { set: new Date('1950-02-03T04:05:06.700Z'), stored: '1950-02-03T04:05:07.000Z' },
    ],
  },
  {
    property: 'datetime3',
    type: 'timestamptz(3)',
    values: [day('2026-02-03T04:05:06.789Z'), day('2026-02-03T04:05:06.788Z')],
  },
  {
    property: 'datetime6',
    type: 'timestamptz(6)',
    values: [day('2026-02-03T04:05:06.789Z'), day('2026-12-31T00:00:00.001Z')],
  },
  {
    property: 'localDatetime',
    type: 'timestamp',
    values: [day('2026-02-03T04:05:06.789Z'), day('2026-07-03T04:05:06.001Z')],
  },
  { property: 'time', type: 'time', values: [{ set: '04:05:06' }, { set: '23:59:59' }, { set: '07:30:00' }] },
  { property: 'interval', type: 'interval', values: INTERVALS },
  { property: 'mood', type: 'native enum', values: [{ set: Mood.Ok }, { set: Mood.Sad }] },
  { property: 'moodText', type: 'enum as text', values: [{ set: Mood.Ok }, { set: Mood.Sad }] },
  { property: 'level', type: 'enum of numbers', values: [{ set: Level.Low }, { set: Level.High }] },
  {
    property: 'moods',
    type: 'array of enums',
    values: [{ set: [] }, { set: [Mood.Ok, Mood.Sad] }, { set: [Mood.Sad, Mood.Ok] }],
  },
  {
    property: 'strings',
    type: 'array of text',
    values: [
      { set: [] },
      { set: [''] },
      { set: ['a,b', '{x}', '"q"', String.raw`\ud800 \n`, '👍'] },
      { set: [null, 'a'] },
      { set: ['b', 'a'] },
      { set: ['a', 'b'] },
      { set: ['a'] },
    ],
  },
  {
    property: 'integers',
    type: 'array of integers',
    values: [{ set: [3, 1, 2] }, { set: [1, 2, 3] }, { set: [1, 2] }],
  },
  {
    property: 'json',
    type: 'jsonb',
    values: [
      { set: {} },
      { set: { a: null, b: [1, '2', false, { c: 'é👍' }], ' ': 0.1 } },
      { set: [1, null, 'x'] },
      { set: [] },
      { set: 'text' },
      { set: '' },
      { set: '{"not":"parsed"}' },
      { set: 'null' },
      { set: '5' },
      { set: 5 },
      { set: 0 },
      { set: false },
      { set: true },
      { set: { literally: String.raw`\ud800`, quoted: `"'%` } },
      { set: { $revy: 'date', value: '2026-01-01' } },
      { set: { bytes: { type: 'Buffer', data: [1] } } },
    ],
  },
  { property: 'blob', type: 'bytea as Buffer', values: [bytes(), bytes(0, 255, 10), bytes(0x5c, 0x78)] },
  {
    property: 'bytes',
    type: 'bytea as Uint8Array',
    values: [
      { set: new Uint8Array(), stored: '' },
      { set: new Uint8Array([0, 255, 10]), stored: 'AP8K' },
    ],
  },
  {
    property: 'money',
    type: 'a custom type stored as text',
    values: [
      { set: new Money(0, 'EUR'), stored: '0 EUR' },
      { set: new Money(250, 'USD'), stored: '250 USD' },
    ],
  },
  {
    property: 'day',
    type: 'a custom type stored as a timestamp',
    values: [
      { set: 0, stored: { $revy: 'date', value: '1970-01-01T00:00:00.000Z' } },
      { set: 20_000, stored: { $revy: 'date', value: '2024-10-04T00:00:00.000Z' } },
    ],
  },
  {
    property: 'secret',
    type: 'a custom type stored as bytes',
    values: [
      { set: 'abc', stored: { $revy: 'bytes', value: 'Y2Jh' } },
      { set: '', stored: { $revy: 'bytes', value: '' } },
    ],
  },
  {
    property: 'range',
    type: 'a custom type stored as an object',
    values: [
      { set: [1, 2], stored: { from: 1, to: 2 } },
      { set: [0, 0], stored: { from: 0, to: 0 } },
    ],
  },
  {
    property: 'office',
    type: 'an embeddable in one column',
    values: [
      {
        set: address('Elm', null, geo(1.5, noon)),
        stored: { street: 'Elm', zip: null, geo: { lat: 1.5, at: noon.toISOString() } },
      },
      { set: address('Oak', '12345'), stored: { street: 'Oak', zip: '12345', geo: null } },
    ],
  },
  {
    property: 'places',
    type: 'an array of embeddables',
    values: [
      { set: [], stored: [] },
      {
        set: [address('Elm', null), address('Oak', '1', geo(null, noon))],
        stored: [
          { street: 'Elm', zip: null, geo: null },
          { street: 'Oak', zip: '1', geo: { lat: null, at: noon.toISOString() } },
        ],
      },
    ],
  },
];
