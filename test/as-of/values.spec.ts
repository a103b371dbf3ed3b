import { Collection, defineEntity, p } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { SnapshotService } from '@revy/mikro-orm';
import { contents } from '../support/contents.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { EXTREME, NOTHING, PLAIN } from '../snapshot/specimens.js';
import { Specimen, ZOO } from '../snapshot/zoo.js';
import { Memory } from './truth.js';

describe('values as of a point', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm(ZOO, { revy: { keyframeEvery: 2 } });
  });
  afterAll(() => test.close());

  it('A14: every kind of column holds what it held, in rows and in entities, also when the row is gone', async () => {
    const load = async (em: SqlEntityManager) => em.find(Specimen, {}, { orderBy: { id: 1 } });
    const entities = async (em: SqlEntityManager) => (await load(em)).map(contents);
    const memory = new Memory(test, { tables: ['specimen'], load: entities });
    const em = test.orm.em.fork();
    await memory.remember();
    const specimen = em.create(Specimen, { ...PLAIN } as never);
    const other = em.create(Specimen, { ...EXTREME } as never);
    await em.flush();
    await memory.remember();
    for (const values of [EXTREME, NOTHING, PLAIN, NOTHING, EXTREME, PLAIN]) {
      Object.assign(specimen, values);
      await em.flush();
      await memory.remember();
    }
    em.remove(specimen);
    em.remove(other);
    await em.flush();
    await memory.remember();
    const { seen, truth } = await memory.compare();
    expect(seen).toEqual(truth);
  });
});

class Place {
  building!: string;
  number!: number;
  name!: string;
  guests = new Collection<Guest>(this);
}

class Guest {
  id!: string;
  name!: string;
  place!: Place | null;
  friends = new Collection<Guest>(this);
  places = new Collection<Place>(this);
}

class Badge {
  guest!: Guest;
  color!: string;
}

class Counter {
  id!: bigint;
  count!: number;
}

class Country {
  code!: string;
  name!: string;
}

class Day {
  at!: Date;
  note!: string;
}

class Bare {
  id!: number;
  name!: string;
}

const KEYS = [
  defineEntity({
    class: Place,
    schema: 'town',
    properties: {
      building: p.string().primary(),
      number: p.integer().primary(),
      name: p.string(),
      guests: () => p.oneToMany(Guest).mappedBy('place'),
    },
  }),
  defineEntity({
    class: Guest,
    schema: 'town',
    properties: {
      id: p.uuid().primary(),
      name: p.string(),
      place: () => p.manyToOne(Place).nullable(),
      friends: () => p.manyToMany(Guest).owner(),
      places: () => p.manyToMany(Place).owner(),
    },
  }),
  defineEntity({ class: Badge, properties: { guest: () => p.oneToOne(Guest).owner().primary(), color: p.string() } }),
  defineEntity({ class: Counter, properties: { id: p.bigint().primary(), count: p.integer() } }),
  defineEntity({ class: Country, properties: { code: p.character().length(4).primary(), name: p.string() } }),
  defineEntity({ class: Day, properties: { at: p.datetime(3).primary(), note: p.string() } }),
  defineEntity({ class: Bare, tableName: 'guest', properties: { id: p.integer().primary(), name: p.string() } }),
];

describe('keys and schemas as of a point', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm(KEYS);
  });
  afterAll(() => test.close());

  it('makes an index for each form of key, and nothing more to do', async () => {
    const rows = await test.database.query<{ name: string }>(
      `select indexname as name from pg_indexes where indexname like '%past%' order by 1`,
    );
    expect(rows.map(({ name }) => name)).toEqual(
      ['bigint', 'integer', 'text', 'uuid'].map(form => `revy_object_delta_past_${form}_index`),
    );
    expect(await test.orm.schema.getUpdateSchemaSQL()).toBe('');
  });

  it('F1, F7, F8: composite, uuid, bigint, padded and dated keys, keys that are relations, and explicit schemas', async () => {
    const tables = [
      'town.place',
      'town.guest',
      'town.guest_friends',
      'town.guest_places',
      'badge',
      'counter',
      'country',
    ];
    const memory = new Memory(test, {
      tables: [...tables, 'day', 'guest'],
      load: async em =>
        (
          await em.find(
            Guest,
            {},
            { populate: ['place', 'friends', 'places'], orderBy: { name: 1 }, strategy: 'joined' },
          )
        ).map(({ name, place, friends, places }) => [
          name,
          place?.name,
          friends
            .getItems()
            .map(each => each.name)
            .toSorted(),
          places
            .getItems()
            .map(each => each.name)
            .toSorted(),
        ]),
    });
    const em = test.orm.em.fork();
    const step = async (change: () => void) => {
      change();
      await em.flush();
      await memory.remember();
    };
    await memory.remember();
    const hall = em.create(Place, { building: 'a,"1"]\\', number: 2, name: 'Hall' });
    const yard = em.create(Place, { building: '', number: -1, name: 'Yard' });
    const [ann, ben] = ['7a1f3a1e-3a0e-4a77-8f3b-0d1f2c3b4a59', '00000000-0000-0000-0000-000000000000'].map((id, i) =>
      em.create(Guest, { id, name: ['Ann', 'Ben'][i]!, place: null }),
    ) as [Guest, Guest];
    const badge = em.create(Badge, { guest: ann, color: 'red' });
    const counter = em.create(Counter, { id: 9223372036854775807n, count: 1 });
    const country = em.create(Country, { code: 'AT', name: 'Austria' } as never);
    const day = em.create(Day, { at: new Date('2026-01-02T03:04:05.678Z'), note: 'first' });
    const bare = em.create(Bare, { id: 1, name: 'of the other schema' });
    await step(() => undefined);
    await step(() => {
      ann.place = hall;
      ann.friends.add(ben);
      ann.places.add(hall, yard);
      Object.assign(badge, { color: 'blue' });
    });
    await step(() => {
      Object.assign(counter, { count: 2 });
      Object.assign(country, { name: 'Österreich' });
      Object.assign(day, { note: 'second' });
      Object.assign(bare, { name: 'changed' });
      hall.name = 'Great Hall';
      ann.places.remove(hall);
    });
    await step(() => {
      ann.place = yard;
      ben.places.add(hall);
    });
    await step(() => [badge, counter, country, day, bare, ben].forEach(each => em.remove(each)));
    await step(() => [ann, hall, yard].forEach(each => em.remove(each)));
    const { seen, truth } = await memory.compare(2);
    expect(seen).toEqual(truth);
  });

  it('finds one of a deleted object by its key, by a list of them, and through a join', async () => {
    const em = test.orm.em.fork();
    const place = em.create(Place, { building: 'gone', number: 1, name: 'Gone' });
    const guest = em.create(Guest, { id: '11111111-1111-1111-1111-111111111111', name: 'Gus', place });
    const counter = em.create(Counter, { id: 5n, count: 5 });
    await em.flush();
    const id = (await test.revisions()).at(-1)!.id;
    [guest, counter, place].forEach(each => em.remove(each));
    await em.flush();
    await new SnapshotService(test.orm.em.fork()).asOf({ revision: id }, async past => {
      expect(await past.findOneOrFail(Guest, guest.id, { populate: ['place'] })).toMatchObject({
        name: 'Gus',
        place: { name: 'Gone' },
      });
      expect(await past.find(Counter, { id: [5n, 6n] })).toMatchObject([{ count: 5 }]);
      expect(await past.find(Guest, { place: { name: 'Gone' } })).toMatchObject([{ name: 'Gus' }]);
      expect(await past.find(Place, { guests: { name: 'Gus' } })).toMatchObject([{ name: 'Gone' }]);
    });
  });
});
