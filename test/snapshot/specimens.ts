import { Address, Money, type Specimen } from './zoo.js';

/** Values of one specimen. */
export type Values = Partial<Omit<Specimen, 'id'>>;

const address = (street: string, zip: number | null): Address => Object.assign(new Address(), { street, zip });

/** Null everywhere but where a column cannot be. */
export const NOTHING: Values = {
  count: 0,
  ratio: null,
  price: null,
  priceNumber: null,
  big: null,
  isAlive: null,
  text: null,
  seenAt: null,
  bornOn: null,
  wakesAt: null,
  data: null,
  photo: null,
  uuid: null,
  status: null,
  tags: null,
  sizes: null,
  value: null,
  home: null,
  offices: null,
  past: null,
};

export const PLAIN: Values = {
  count: 3,
  ratio: 0.1,
  price: '10.50',
  priceNumber: 10.5,
  big: 9007199254740993n,
  isAlive: true,
  text: 'hello',
  seenAt: new Date('2026-03-29T01:30:00.123Z'),
  bornOn: '2024-02-29',
  wakesAt: '06:30:00',
  data: { a: [1, null, { b: '' }] },
  photo: Buffer.from([0, 1, 254, 255]),
  uuid: '7a1f3a1e-3a0e-4a77-8f3b-0d1f2c3b4a59',
  status: 'wild',
  tags: ['x', 'y'],
  sizes: [3, 1, 2],
  value: new Money(1250n, 'EUR'),
  home: address('Main', 1),
  offices: [address('A', 1), address('B', null)],
  past: address('Old', 0),
};

/** The ends of what each type holds, and all that SQL, JSON and our own marks write with signs. */
export const EXTREME: Values = {
  count: -2147483648,
  ratio: 1e308,
  price: '-9999999999.99',
  priceNumber: -0.01,
  big: -9223372036854775808n,
  isAlive: false,
  text: `it's "q" \\ % \n\t ü 🦜 [FILTERED] $revy {}`,
  seenAt: new Date('1969-12-31T23:59:59.999Z'),
  bornOn: '1600-01-01',
  wakesAt: '23:59:59',
  data: ['', 0, false, 'null', '{"a":1}', 12345678901234567000],
  photo: Buffer.alloc(0),
  uuid: '00000000-0000-0000-0000-000000000000',
  status: 'kept',
  tags: ['', 'a,b', '"q"', '{x}', '\\', '$revy'],
  sizes: [],
  value: new Money(-1n, "X'Y"),
  home: address("O'Hara\\", null),
  offices: [],
  past: address('', null),
};
