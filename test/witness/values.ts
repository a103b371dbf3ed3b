import { helper } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { SENTINEL_LABEL } from './domain.js';
import { classOf, type Entity } from './known.js';

/** Makes a value anew each time, as steps change it in place. */
type Make = (em: EntityManager) => unknown;

const list = (...values: readonly unknown[]): Make[] => values.map(value => () => copy(value));

function copy(value: unknown): unknown {
  if (value instanceof Date) return new Date(value);
  return typeof value === 'object' && value !== null ? (JSON.parse(JSON.stringify(value)) as unknown) : value;
}

const photos: Make[] = [() => null, () => Buffer.from([]), () => Buffer.from([0, 255, 7])];

const address =
  (street: string, zip: number | null): Make =>
  em =>
    Object.assign(new (classOf(em, 'Address'))(), { street, zip });

const profile =
  (motto: string | null, langs: readonly string[] | null, home: Make | null): Make =>
  em =>
    Object.assign(new (classOf(em, 'Profile'))(), { motto, langs: langs && [...langs], home: home?.(em) ?? null });

const names = list('Ann', 'Bob', `it's "q" \\ ? :x`, '');

/** Values by class and attribute: few, so that a value comes back often. */
export const VALUES: Readonly<Record<string, Readonly<Record<string, readonly Make[]>>>> = {
  Person: {
    name: names,
    email: list(null, 'a@x', 'b@x', 'c@x', 'd@x', null, null, null, null, null, null),
    rank: list(5, 0, -3),
    score: list(null, 0n, 2n ** 60n + 1n, -5n),
    balance: list(null, '0.00', '1.50', '1.5', '12345678.99', '-0.005'),
    ratio: list(null, 0, 0.1, -1e21, 1e-7),
    isActive: list(null, true, false),
    joinedAt: list(null, new Date(0), new Date('2024-02-29T12:00:00.123Z')),
    bornOn: list(null, '2000-01-31', '1999-12-31'),
    photo: photos,
    tags: list(null, [], ['a'], ['a', 'b,"c"']),
    meta: list(null, {}, { a: [1, null, { b: 'x' }] }, [], 'text', false),
    bio: list(null, '', 'long'),
    secret: list(null, 'one', 'two'),
    note: list(null, 'one', 'two'),
    address: [() => null, address('High Street', null), address('High Street', 7), address('', 0)],
    profile: [
      () => null,
      profile(null, null, null),
      profile('x', ['en'], address('Low Street', 1)),
      profile('y', [], null),
    ],
    offices: [() => null, () => [], em => [address('A', 1)(em)], em => [address('A', 1)(em), address('B', null)(em)]],
  },
  Task: { title: names, position: list(0, 1, 2) },
  Project: { title: names },
  Label: { name: list('red', 'blue', 'green', 'gold', 'grey', 'pink') },
  Badge: { color: list('red', 'blue') },
  Membership: { role: list('boss', 'crew') },
  Visit: { text: list('short', '') },
  Dog: { name: names, bones: list(0, 1, 2) },
  Cat: { name: names, claws: list(null, 0, 18) },
  Vehicle: { plate: list('A', 'B') },
  Car: { plate: list('A', 'B'), doors: list(2, 4) },
  Room: {},
  Desk: { size: list(1, 2) },
  Country: { name: names },
  City: { name: names },
  Loan: { amount: list('0.00', '9.99', '10') },
};

/** Classes that steps work on. */
export const CLASSES = Object.keys(VALUES);

export interface Relation {
  readonly name: string;
  readonly to: string;
  readonly isNullable: boolean;
}

const optional = (name: string, to: string): Relation => ({ name, to, isNullable: true });
const required = (name: string, to: string): Relation => ({ name, to, isNullable: false });

/** To-one relations by class. */
export const RELATIONS: Readonly<Record<string, readonly Relation[]>> = {
  Person: [optional('boss', 'Person'), optional('badge', 'Badge')],
  Badge: [optional('person', 'Person')],
  Project: [optional('lead', 'Person')],
  Task: [required('project', 'Project'), optional('assignee', 'Person')],
  Visit: [optional('membership', 'Membership')],
  Dog: [optional('keeper', 'Person')],
  Cat: [optional('keeper', 'Person'), optional('enemy', 'Dog')],
  Vehicle: [required('owner', 'Person')],
  Car: [required('owner', 'Person'), optional('driver', 'Person')],
  Room: [required('project', 'Project')],
  Desk: [required('room', 'Room')],
  City: [optional('country', 'Country')],
  Loan: [
    required('person', 'Person'),
    optional('guarantor', 'Person'),
    optional('label', 'Label'),
    optional('project', 'Project'),
  ],
};

/** Relations that are part of a key, and set once. */
export const KEY_RELATIONS: Readonly<Record<string, readonly Relation[]>> = {
  Membership: [required('person', 'Person'), required('project', 'Project')],
};

export interface Held {
  readonly of: string;
  readonly name: string;
  readonly holds: string;
}

export const COLLECTIONS: readonly Held[] = [
  { of: 'Person', name: 'labels', holds: 'Label' },
  { of: 'Person', name: 'friends', holds: 'Person' },
  { of: 'Label', name: 'persons', holds: 'Person' },
  { of: 'Project', name: 'tasks', holds: 'Task' },
  { of: 'Person', name: 'tasks', holds: 'Task' },
  { of: 'Dog', name: 'labels', holds: 'Label' },
  { of: 'Cat', name: 'labels', holds: 'Label' },
];

export const COUNTRY_CODES = ['AA', 'BB', 'CC', 'DD', 'EE', 'FF'];

export const LABEL_IDS = [
  SENTINEL_LABEL,
  ...[1, 2, 3, 4, 5].map(n => `00000000-0000-4000-8000-00000000000${n}`),
] as const;

/** In-place changes of a person's values, which no setter sees. */
export const MUTATIONS: readonly ((person: Entity, n: number) => void)[] = [
  ({ meta }, n) => {
    if (Array.isArray(meta)) meta.push(n);
    else if (typeof meta === 'object' && meta !== null) Object.assign(meta, { [`k${n % 2}`]: n });
  },
  ({ tags }, n) => {
    if (!Array.isArray(tags)) return;
    if (n % 3 === 0) tags.pop();
    else tags.push(`t${n % 2}`);
  },
  (person, n) => {
    const { joinedAt } = person;
    // what was loaded is MikroORM's own copy of the row as well (test/limits/values.spec.ts)
    const isShared = helper(person).__originalEntityData?.['joinedAt'] === joinedAt;
    if (joinedAt instanceof Date && !isShared) joinedAt.setTime(n * 1000);
  },
  ({ photo }, n) => {
    if (Buffer.isBuffer(photo) && photo.length) photo[0] = n;
  },
  ({ address: at }, n) => {
    if (at) (at as Entity)['street'] = `street ${n % 2}`;
  },
  ({ address: at }, n) => {
    if (at) (at as Entity)['zip'] = n % 2 ? n : null;
  },
  ({ profile: of }, n) => {
    if (of) (of as Entity)['motto'] = n % 3 ? `motto ${n}` : null;
  },
  ({ profile: of }, n) => {
    const langs = (of as Entity | null)?.['langs'];
    if (Array.isArray(langs)) langs.push(`l${n}`);
  },
  ({ profile: of }, n) => {
    const home = (of as Entity | null)?.['home'];
    if (home) (home as Entity)['zip'] = n;
  },
  ({ offices }, n) => {
    if (Array.isArray(offices) && offices[0]) (offices[0] as Entity)['zip'] = n;
  },
  ({ offices }, n) => {
    if (Array.isArray(offices) && n % 2) offices.pop();
  },
];
