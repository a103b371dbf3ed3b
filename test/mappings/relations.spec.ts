import { defineEntity, p, ref, type Ref, wrap } from '@mikro-orm/core';
import { RevisionContext, SystemActor } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { byContent } from '../support/order.js';
import { empty, Lives, summary } from './lives.js';

// To-one relations in the forms that they may have: as keys, to other columns than the key, in embeddables.

class Land {
  id!: number;
  code!: string;
  name!: string;
}

class Town {
  land!: Land;
  number!: bigint;
  name!: string;
}

class Address {
  street!: string;
  land!: Land | null;
  town!: Town | null;
}

/** For a column of its own, where MikroORM takes no relation of several columns. */
class Place {
  street!: string;
  land!: Land | null;
}

class Person {
  id!: number;
  name!: string;
  /** The key, in place of the object. */
  landKey!: number | null;
  townKey!: [number, bigint] | null;
  /** By a column that is unique, and not the key. */
  landByCode!: Ref<Land> | null;
  home!: Address | null;
  office!: Place | null;
  places!: Place[] | null;
  spouse!: Person | null;
  spouseOf!: Person | null;
  /** Of the same land as the town, in the same column. */
  land!: Land | null;
  town!: Town | null;
}

const Schemas = [
  defineEntity({
    class: Land,
    properties: { id: p.integer().primary(), code: p.string().unique(), name: p.string() },
  }),
  defineEntity({
    class: Town,
    properties: { land: () => p.manyToOne(Land).primary(), number: p.bigint().primary(), name: p.string() },
  } as never),
  defineEntity({
    class: Address,
    embeddable: true,
    properties: {
      street: p.string(),
      land: () => p.manyToOne(Land).nullable(),
      town: () => p.manyToOne(Town).nullable(),
    },
  }),
  defineEntity({
    class: Place,
    embeddable: true,
    properties: { street: p.string(), land: () => p.manyToOne(Land).nullable() },
  }),
  defineEntity({
    class: Person,
    properties: {
      id: p.integer().primary().autoincrement(),
      name: p.string(),
      landKey: () => p.manyToOne(Land).mapToPk().nullable(),
      townKey: () => p.manyToOne(Town).mapToPk().nullable(),
      landByCode: () => p.manyToOne(Land).targetKey('code').ref().nullable(),
      home: () => p.embedded(Address).nullable(),
      office: () => p.embedded(Place).object().nullable(),
      places: () => p.embedded(Place).array().nullable(),
      spouse: () => p.oneToOne(Person).owner().inversedBy('spouseOf').nullable(),
      spouseOf: () => p.oneToOne(Person).mappedBy('spouse').nullable(),
      land: () => p.manyToOne(Land).joinColumn('in_land').nullable(),
      town: () => p.manyToOne(Town).joinColumns('in_land', 'in_town').ownColumns('in_town').nullable(),
    },
  } as never),
];

let test: TestOrm;
let lives: Lives;
beforeAll(async () => {
  test = await createOrm(Schemas as never);
});
afterAll(() => test.close());
beforeEach(async () => {
  await empty(test);
  lives = new Lives(test, [Land, Town, Person]);
  const em = test.orm.em.fork();
  for (const [key, code] of [
    [1, 'DE'],
    [2, 'FR'],
  ] as const) {
    const land = em.create(Land, { id: key, code, name: code.toLowerCase() });
    em.create(Town, { land, number: BigInt(key) * 2n ** 40n, name: `town of ${code}` });
  }
  await em.flush();
  await test.forget();
});

const NULLS = {
  landKey: null,
  townKey: null,
  landByCode: null,
  home: null,
  office: null,
  places: null,
  spouse: null,
  land: null,
  town: null,
};
const big = (land: number) => BigInt(land) * 2n ** 40n;
const town = (em: TestOrm['orm']['em'], land: number) => em.getReference(Town, [land, big(land)] as never);
const address = (em: TestOrm['orm']['em'], land: number): Address =>
  Object.assign(new Address(), { street: `s${land}`, land: em.getReference(Land, land), town: town(em, land) });

const place = (em: TestOrm['orm']['em'], land: number): Place =>
  Object.assign(new Place(), { street: `s${land}`, land: em.getReference(Land, land) });

/** Everything that a person may refer to, in one land. */
const values = async (em: TestOrm['orm']['em'], land: number) => ({
  landKey: land,
  townKey: [land, big(land)] as [number, bigint],
  landByCode: ref(await em.findOneOrFail(Land, land)),
  home: address(em, land),
  office: place(em, land),
  places: [place(em, land)],
  land: em.getReference(Land, land),
  town: town(em, land),
});
const stored = (land: number) => {
  const key = [land, String(big(land))];
  const held = { street: `s${land}`, land };
  return {
    landKey: land,
    townKey: key,
    landByCode: land === 1 ? 'DE' : 'FR',
    home_street: `s${land}`,
    home_land: land,
    home_town: key,
    office: held,
    places: [held],
    land,
    town: key,
  };
};
const nothing = Object.fromEntries(Object.keys(stored(1)).map(name => [name, null]));

it('relations of every form are recorded by the key, or the value, that stands in the row', async () => {
  const em = test.orm.em.fork();
  const person = em.create(Person, { ...NULLS, name: 'p', ...(await values(em, 1)) } as never) as Person;
  await lives.flush(em);
  Object.assign(person, await values(em, 2));
  await lives.flush(em);
  wrap(person).assign({ ...NULLS } as never);
  await lives.flush(em);
  expect(await summary(test)).toEqual([
    ['create', `Person:${person.id}`, null, { ...stored(1), name: 'p', spouse: null }],
    ['update', `Person:${person.id}`, stored(1), stored(2)],
    ['update', `Person:${person.id}`, stored(2), nothing],
  ]);
  expect(await lives.shown()).toStrictEqual(lives.seen);
});

it('where nobody loaded them, the old values are those of the row', async () => {
  const em = test.orm.em.fork();
  const { id } = em.create(Person, { ...NULLS, name: 'p', ...(await values(em, 1)), id: 5 } as never) as Person;
  await lives.flush(em);
  const other = test.orm.em.fork();
  Object.assign(other.getReference(Person, id), await values(other, 2));
  await lives.flush(other);
  const third = test.orm.em.fork();
  Object.assign(third.getReference(Person, id), await values(third, 2));
  await lives.flush(third);
  third.remove(third.getReference(Person, id));
  await lives.flush(third);
  expect((await summary(test)).slice(1)).toEqual([
    ['update', `Person:${id}`, stored(1), stored(2)],
    ['delete', `Person:${id}`, { ...stored(2), name: 'p', spouse: null }, null],
  ]);
  expect(await lives.shown()).toStrictEqual(lives.seen);
});

it('two actors who set them are each credited with what they set', async () => {
  const em = test.orm.em.fork();
  const person = em.create(Person, { ...NULLS, name: 'p' } as never) as Person;
  await em.flush();
  await test.forget();
  const [one, two] = [await values(em, 1), await values(em, 2)];
  RevisionContext.run({ actor: new SystemActor('ann') }, () => Object.assign(person, one));
  RevisionContext.run({ actor: new SystemActor('bob') }, () => Object.assign(person, two));
  await em.flush();
  const rows = (await test.attributes()).map(row => [row.attribute, row.old, row.new, row.actor]);
  const [first, second] = [stored(1), stored(2)] as [Record<string, unknown>, Record<string, unknown>];
  expect(rows.toSorted(byContent)).toEqual(
    Object.keys(first)
      .flatMap(name => [
        [name, null, first[name], 'system:ann'],
        [name, first[name], second[name], 'system:bob'],
      ])
      .toSorted(byContent),
  );
});

it('references to what the same flush creates, in embeddables and as keys', async () => {
  const em = test.orm.em.fork();
  const land = em.create(Land, { id: 9, code: 'IT', name: 'it' });
  const person = em.create(Person, { ...NULLS, name: 'p' } as never) as Person;
  const spouse = em.create(Person, { ...NULLS, name: 'q', spouse: person } as never) as Person;
  person.home = Object.assign(new Address(), { street: 'x', land, town: null });
  person.landByCode = ref(land) as Ref<Land>;
  await lives.flush(em);
  const rows = new Map((await test.deltas()).map(row => [row.object, row.new]));
  expect(rows.get(`Person:${person.id}`)).toMatchObject({ home_land: 9, landByCode: 'IT', home_town: null });
  expect(rows.get(`Person:${spouse.id}`)).toMatchObject({ spouse: person.id });
  expect(await lives.shown()).toStrictEqual(lives.seen);
});

it('native writes say the same', async () => {
  const em = test.orm.em.fork();
  em.create(Person, { ...NULLS, id: 5, name: 'p', ...(await values(em, 1)) } as never);
  await lives.flush(em);
  await em.nativeUpdate(Person, { id: 5 }, { name: 'q' });
  await lives.look();
  await em.nativeUpdate(Person, { id: 5 }, { landKey: 2, landByCode: 'FR', townKey: [2, big(2)] } as never);
  await lives.look();
  await em.nativeDelete(Person, { id: 5 });
  await lives.look();
  const { landKey, landByCode, townKey } = stored(1);
  const moved = { landKey: 2, landByCode: 'FR', townKey: stored(2).townKey };
  expect((await summary(test)).slice(1)).toEqual([
    ['update', 'Person:5', { name: 'p' }, { name: 'q' }],
    ['update', 'Person:5', { landKey, landByCode, townKey }, moved],
    ['delete', 'Person:5', { ...stored(1), ...moved, name: 'q', spouse: null }, null],
  ]);
  expect(await lives.shown()).toStrictEqual(lives.seen);
});
