import { Collection, defineEntity, p } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { HistoryService, RevisionContext, SET_NULL } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { byContent } from '../support/order.js';
import { statementsOf } from '../support/statements.js';
import { asDeltas, installWitness, sorted, withoutLinks, witnessed } from '../cascade/witness.js';

class House {
  id!: number;
  name!: string;
  rooms = new Collection<Room>(this);
  chairs = new Collection<Chair>(this);
  lamps = new Collection<Lamp>(this);
  dogs = new Collection<Dog>(this);
  cars = new Collection<Car>(this);
  windows = new Collection<Window>(this);
}

/** May be without a house. */
class Room {
  id!: number;
  name!: string;
  house!: House | null;
  label!: string;
}

/** Goes when it has no house. */
class Chair {
  id!: number;
  house!: House | null;
  secret!: string | null;
}

class Leg {
  id!: number;
  chair!: Chair;
}

/** Knows a chair, and is told by a handler. */
class Cat {
  id!: number;
  chair!: Chair | null;
}

class Lamp {
  a!: number;
  b!: number;
  house!: House;
}

abstract class Animal {
  id!: number;
  kind!: string;
  house!: House | null;
}
class Dog extends Animal {}
class Poodle extends Dog {
  curls!: number | null;
}
class Bird extends Animal {}

class Vehicle {
  id!: number;
  plate!: string;
}
class Car extends Vehicle {
  house!: House | null;
}

/** Not tracked, and its panes are. */
class Window {
  id!: number;
  house!: House | null;
}
class Pane {
  id!: number;
  window!: Window;
}

const id = () => p.integer().primary();
const house = () => p.manyToOne(House).nullable();

const AnimalSchema = defineEntity({
  class: Animal as unknown as new () => Animal,
  abstract: true,
  discriminatorColumn: 'kind',
  properties: { id: id(), kind: p.string(), house },
} as never);
const DogSchema = defineEntity({
  class: Dog,
  extends: AnimalSchema,
  discriminatorValue: 'dog',
  properties: {},
} as never);
const VehicleSchema = defineEntity({
  class: Vehicle,
  inheritance: 'tpt',
  properties: { id: id(), plate: p.string() },
} as never);

const ENTITIES = [
  defineEntity({
    class: House,
    properties: {
      id: id(),
      name: p.string(),
      rooms: () => p.oneToMany(Room).mappedBy('house'),
      chairs: () => p.oneToMany(Chair).mappedBy('house').orphanRemoval(),
      lamps: () => p.oneToMany(Lamp).mappedBy('house').orphanRemoval(),
      dogs: () => p.oneToMany(Dog).mappedBy('house'),
      cars: () => p.oneToMany(Car).mappedBy('house').orphanRemoval(),
      windows: () => p.oneToMany(Window).mappedBy('house').orphanRemoval(),
    },
  }),
  defineEntity({
    class: Room,
    properties: {
      id: id(),
      name: p.string(),
      house,
      label: p.string().generated(`(name || ' in ' || coalesce(house_id, 0)) stored`).nullable(),
    },
  }),
  defineEntity({
    class: Chair,
    revy: { mask: ['secret'] },
    properties: { id: id(), house, secret: p.string().nullable() },
  }),
  defineEntity({ class: Leg, properties: { id: id(), chair: () => p.manyToOne(Chair).deleteRule('cascade') } }),
  defineEntity({
    class: Cat,
    revy: { onDelete: { chair: SET_NULL } },
    properties: { id: id(), chair: () => p.manyToOne(Chair).nullable().deleteRule('no action') },
  }),
  defineEntity({
    class: Lamp,
    properties: { a: id(), b: id(), house: () => p.manyToOne(House).deleteRule('cascade') },
  }),
  AnimalSchema,
  DogSchema,
  defineEntity({
    class: Poodle,
    extends: DogSchema,
    discriminatorValue: 'poodle',
    properties: { curls: p.integer().nullable() },
  } as never),
  defineEntity({ class: Bird, extends: AnimalSchema, discriminatorValue: 'bird', properties: {} } as never),
  VehicleSchema,
  defineEntity({ class: Car, extends: VehicleSchema, properties: { house } } as never),
  defineEntity({ class: Window, revy: { track: false }, properties: { id: id(), house } }),
  defineEntity({ class: Pane, properties: { id: id(), window: () => p.manyToOne(Window).deleteRule('cascade') } }),
];

let test: TestOrm;
let em: EntityManager;
let home: House;
beforeAll(async () => {
  test = await createOrm(ENTITIES);
  await installWitness(test);
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.database.query(`
    truncate house, room, chair, leg, cat, lamp, animal, vehicle, car, "window", pane cascade;
    insert into house values (1, 'home'), (2, 'hut');
    insert into room (id, name, house_id) values (1, 'hall', 1), (2, 'den', 1), (3, 'loft', 1), (4, 'shed', 2);
    insert into chair (id, house_id, secret) values (1, 1, 'x'), (2, 1, null), (3, 2, null);
    insert into leg values (1, 1), (2, 1), (3, 2), (4, 3);
    insert into cat values (1, 1), (2, 2);
    insert into lamp values (1, 1, 1), (1, 2, 1), (2, 1, 2);
    insert into animal (id, kind, house_id, curls) values (1, 'dog', 1, null), (2, 'poodle', 1, 9), (3, 'bird', 1, null);
    insert into vehicle values (1, 'one'), (2, 'two');
    insert into car (id, house_id) values (1, 1), (2, 1);
    insert into "window" values (1, 1), (2, 2);
    insert into pane values (1, 1), (2, 2);
    truncate witness`);
  await test.forget();
  em = test.orm.em.fork();
  home = await em.findOneOrFail(House, 1);
});

/** What was recorded, which is what the triggers saw. */
async function recorded(): Promise<unknown[]> {
  const deltas = await test.deltas();
  const classes = [House, Room, Leg, Cat, Lamp, Pane].map(one => test.orm.getMetadata().get(one as never));
  const seen = sorted(withoutLinks(deltas)).filter(({ object }) =>
    classes.some(meta => object.startsWith(`${meta.className}:`)),
  );
  expect(seen).toEqual(sorted(asDeltas(await witnessed(test.database, test.orm), classes)));
  return deltas.map(delta => [delta.action, delta.object, delta.old, delta.new]).toSorted(byContent);
}

const unset = (n: number, name: string) => [
  'update',
  `Room:${n}`,
  { house: 1, label: `${name} in 1` },
  { house: null, label: `${name} in 0` },
];

describe('a collection of children that was not loaded', () => {
  it('set: the children that are not in it lose their parent', async () => {
    home.rooms.set([em.getReference(Room, 2), em.create(Room, { id: 9, name: 'new', house: null, label: '' })]);
    await em.flush();
    expect(await recorded()).toEqual([
      ['create', 'Room:9', null, { name: 'new', house: 1, label: 'new in 1' }],
      unset(1, 'hall'),
      unset(3, 'loft'),
    ]);
  });

  it('emptied: all children do', async () => {
    home.rooms.removeAll();
    await em.flush();
    expect(await recorded()).toEqual([unset(2, 'den'), unset(1, 'hall'), unset(3, 'loft')].toSorted(byContent));
  });

  it('set to nothing and added to: as it was set', async () => {
    home.rooms.set([]);
    home.rooms.add(await em.findOneOrFail(Room, 4));
    await em.flush();
    expect(await recorded()).toEqual(
      [
        unset(2, 'den'),
        unset(1, 'hall'),
        unset(3, 'loft'),
        ['update', 'Room:4', { house: 2, label: 'shed in 2' }, { house: 1, label: 'shed in 1' }],
      ].toSorted(byContent),
    );
  });

  it('added to: only what is added', async () => {
    home.rooms.add(em.getReference(Room, 4), em.getReference(Room, 1));
    await em.flush();
    expect(await recorded()).toEqual([
      ['update', 'Room:4', { house: 2, label: 'shed in 2' }, { house: 1, label: 'shed in 1' }],
    ]);
  });

  it('set, with orphan removal: the orphans go, and take along what goes with them', async () => {
    home.chairs.set([em.getReference(Chair, 2)]);
    await em.flush();
    expect(await recorded()).toEqual([
      ['delete', 'Chair:1', { house: 1, secret: '[FILTERED]' }, null],
      ['delete', 'Leg:1', { chair: 1 }, null],
      ['delete', 'Leg:2', { chair: 1 }, null],
      ['update', 'Cat:1', { chair: 1 }, { chair: null }],
    ]);
    expect(await test.database.query('select id from chair order by id')).toEqual([{ id: 2 }, { id: 3 }]);
  });

  it('with a composite key', async () => {
    home.lamps.set([em.getReference(Lamp, [1, 2] as never)]);
    await em.flush();
    expect(await recorded()).toEqual([['delete', 'Lamp:[1,1]', { house: 1 }, null]]);
  });

  it('of a class that shares its table: those of other classes stay', async () => {
    home.dogs.removeAll();
    await em.flush();
    expect(await recorded()).toEqual([
      ['update', 'Dog:1', { house: 1 }, { house: null }],
      ['update', 'Poodle:2', { house: 1 }, { house: null }],
    ]);
    expect(await test.database.query('select id from animal where house_id = 1')).toEqual([{ id: 3 }]);
  });

  it('of a class with a table beside that of its parent: the row of the parent stays', async () => {
    home.cars.set([em.getReference(Car, 2)]);
    await em.flush();
    expect(await recorded()).toEqual([
      ['create', 'Vehicle:1', null, { plate: 'one' }],
      ['delete', 'Car:1', { plate: 'one', house: 1 }, null],
    ]);
    expect(await test.database.query('select id from vehicle order by id')).toEqual([{ id: 1 }, { id: 2 }]);
    expect(await test.database.query('select id from car')).toEqual([{ id: 2 }]);
  });

  it('of a class that is not tracked: what goes with it is', async () => {
    home.windows.removeAll();
    await em.flush();
    expect(await recorded()).toEqual([['delete', 'Pane:1', { window: 1 }, null]]);
  });

  it('several at once, and in several flushes of one transaction', async () => {
    await em.transactional(async inner => {
      const [one, two] = await inner.find(House, {}, { orderBy: { id: 1 } });
      one!.rooms.set([inner.getReference(Room, 1)]);
      two!.rooms.set([inner.getReference(Room, 2)]);
      await inner.flush();
      (await inner.findOneOrFail(Room, 3)).name = 'attic';
      two!.chairs.removeAll();
      await inner.flush();
      (await inner.findOneOrFail(Room, 4)).house = two!;
    });
    expect(await recorded()).toEqual([
      ['delete', 'Chair:3', { house: 2, secret: null }, null],
      ['delete', 'Leg:4', { chair: 3 }, null],
      ['update', 'Room:2', { house: 1, label: 'den in 1' }, { house: 2, label: 'den in 2' }],
      [
        'update',
        'Room:3',
        { name: 'loft', house: 1, label: 'loft in 1' },
        { name: 'attic', house: null, label: 'attic in 0' },
      ],
    ]);
    expect(await test.revisions()).toHaveLength(1);
  });

  it('children that the same flush changes otherwise are one delta each', async () => {
    const [hall, den, loft] = await em.find(Room, { house: 1 }, { orderBy: { id: 1 } });
    hall!.name = 'lobby';
    em.remove(den!);
    loft!.house = em.getReference(House, 2);
    home.rooms.removeAll();
    await em.flush();
    expect(await recorded()).toEqual([
      ['delete', 'Room:2', { name: 'den', house: 1, label: 'den in 1' }, null],
      [
        'update',
        'Room:1',
        { name: 'hall', house: 1, label: 'hall in 1' },
        { name: 'lobby', house: null, label: 'lobby in 0' },
      ],
      ['update', 'Room:3', { house: 1, label: 'loft in 1' }, { house: 2, label: 'loft in 2' }],
    ]);
  });

  it('nothing, where the collection has what there is', async () => {
    home.rooms.set([1, 2, 3].map(n => em.getReference(Room, n)));
    await em.flush();
    expect(await recorded()).toEqual([]);
    expect(await test.revisions()).toEqual([]);
  });
});

describe('credits', () => {
  const ROOT = { objectDeltaDescription: 'moved out', deletionDescription: 'thrown away' };

  it('whoever flushes with children that are unset, and the system with orphans', async () => {
    await RevisionContext.run({ actor: em.getReference(House, 2), ...ROOT }, async () => {
      home.rooms.set([em.getReference(Room, 1), em.getReference(Room, 2)]);
      home.chairs.set([em.getReference(Chair, 2)]);
      await em.flush();
    });
    const credits = (await test.deltas()).map(delta => [delta.object, delta.actor, delta.description]);
    expect(credits.toSorted(byContent)).toEqual([
      ['Cat:1', null, 'thrown away'],
      ['Chair:1', null, 'thrown away'],
      ['Leg:1', null, 'thrown away'],
      ['Leg:2', null, 'thrown away'],
      ['Room:3', 'House:2', 'moved out'],
    ]);
  });
});

describe('what is loaded hears of it', () => {
  it('children that lost their parent, and those that are gone', async () => {
    const rooms = await em.find(Room, {}, { orderBy: { id: 1 } });
    const [chair, leg] = [await em.findOneOrFail(Chair, 1), await em.findOneOrFail(Leg, 1)];
    home.rooms.set([rooms[1]!]);
    home.chairs.set([em.getReference(Chair, 2)]);
    await em.flush();
    expect(rooms.map(room => room.house?.id)).toEqual([undefined, 1, undefined, 2]);
    expect([em.getUnitOfWork().getById(Chair, 1), em.getUnitOfWork().getById(Leg, 1)]).toEqual([undefined, undefined]);
    expect(await statementsOf(() => em.flush())).toEqual([]);
    await test.forget();
    await test.database.query('truncate witness');
    rooms[0]!.house = em.getReference(House, 2);
    [chair.secret, leg.id] = ['changed', 99];
    await em.flush();
    expect(await recorded()).toEqual([
      ['update', 'Room:1', { house: null, label: 'hall in 0' }, { house: 2, label: 'hall in 2' }],
    ]);
  });
});

describe('statements', () => {
  it('one read for each foreign key and kind, whatever the number of collections and children', async () => {
    const houses = await em.find(House, {}, { orderBy: { id: 1 } });
    for (const one of houses) {
      one.rooms.set([em.getReference(Room, one.id)]);
      one.lamps.set([]);
      one.lamps.removeAll();
    }
    const reads = (await statementsOf(() => em.flush())).filter(sql => sql.startsWith('select'));
    expect(reads).toEqual([
      expect.stringMatching(/from "room" as "r0" where "r0"."id" in \(1, 2\)$/),
      expect.stringMatching(/from "room" as "r0" where "r0"."house_id" in \(1, 2\) for no key update$/),
      expect.stringMatching(/from "lamp" as "l0" where "l0"."house_id" in \(1, 2\) for update$/),
      // what the database has computed from the keys that are unset, where a class has such columns
      expect.stringMatching(/^select "r0"."id", "r0"."label" from "room" as "r0" where "r0"."id" in \(3, 4\)$/),
    ]);
  });

  it('none for a collection that is loaded', async () => {
    await em.populate(home, ['rooms', 'chairs']);
    home.rooms.set([home.rooms[0]!]);
    expect((await statementsOf(() => em.flush())).filter(sql => sql.startsWith('select'))).toEqual([]);
  });
});

describe('while tracking is disabled', () => {
  it('handlers do their work', async () => {
    await RevisionContext.runDisabled(async () => {
      home.chairs.removeAll();
      await em.flush();
    });
    expect(await test.deltas()).toEqual([]);
    expect(await test.database.query('select id, chair_id from cat order by id')).toEqual([
      { id: 1, chair_id: null },
      { id: 2, chair_id: null },
    ]);
  });
});

it('a deleted child is part of the history of its class', async () => {
  home.chairs.removeAll();
  await em.flush();
  const deltas = await new HistoryService(em).deltas(Chair, 2);
  expect(deltas.map(({ action, oldValues }) => [action, oldValues])).toEqual([['delete', { house: 1, secret: null }]]);
});
