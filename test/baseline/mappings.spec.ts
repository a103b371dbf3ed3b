import { defineEntity, p, PrimaryKeyProp } from '@mikro-orm/core';
import { revy, SnapshotService } from '@revy/mikro-orm';
import { GRAPH, Animal, Car, Cat, Dog, Puppy, SportsCar, Vehicle } from '../capture/graph.js';
import { createOrm, type TestOrm } from '../support/orm.js';

class Hall {
  [PrimaryKeyProp]?: ['building', 'number'];
  building!: string;
  number!: number;
  name!: string | null;
}

class Seat {
  [PrimaryKeyProp]?: ['hall', 'row'];
  hall!: Hall;
  row!: string;
  neighbour!: Seat | null;
}

const HallSchema = defineEntity({
  class: Hall,
  schema: 'theatre',
  tableName: 'the "hall"',
  properties: { building: p.string().primary(), number: p.integer().primary(), name: p.string().nullable() },
});

const SeatSchema = defineEntity({
  class: Seat,
  properties: {
    hall: () => p.manyToOne(Hall).primary(),
    row: p.string().primary(),
    neighbour: () => p.manyToOne(Seat).nullable(),
  },
});

const Wide = defineEntity({
  name: 'Wide',
  properties: {
    id: p.uuid().primary(),
    ...Object.fromEntries(Array.from({ length: 120 }, (_, n) => [`c${n}`, p.integer()])),
  },
});

const Renamed = defineEntity({
  name: 'Renamed',
  revy: { as: 'thing', formerly: { title: 'name' } },
  properties: { id: p.bigint().primary().fieldName('key_'), title: p.string().fieldName('it\'s "named"') },
});

const stored = (test: TestOrm) =>
  test.database.query(
    `select object_type || ' ' || object_id as object, state from revy_object_delta order by object_type, object_id`,
  );

describe('a baseline', () => {
  it('F1, F8, F9: keys of several columns, tables of other schemas, odd names', async () => {
    const test = await createOrm([HallSchema, SeatSchema, Renamed]);
    const em = test.orm.em.fork();
    const odd = ['a"1"', "it's", 'tab\there', 'back\\slash', 'ünï\u0001 👍'];
    for (const building of odd)
      await test.database.query(`insert into theatre."the ""hall""" values ($1, 1, null)`, [building]);
    await test.database.query(`insert into seat (hall_building, hall_number, "row") values ($1, 1, 'A')`, [odd[0]]);
    await test.database.query(
      `insert into seat (hall_building, hall_number, "row", neighbour_hall_building, neighbour_hall_number, neighbour_row)
       values ($1, 1, 'B', $1, 1, 'A')`,
      [odd[0]],
    );
    await test.database.query(`insert into renamed values (9007199254740993, 'x')`);
    expect(await revy.baseline(em, Hall, { chunkRows: 2 })).toMatchObject({ recorded: 5 });
    expect(await revy.baseline(em, Seat, { chunkRows: 1 })).toMatchObject({ recorded: 2 });
    expect(await revy.baseline(em, Renamed)).toMatchObject({ recorded: 1 });
    const rows = await stored(test);
    const halls = rows.map(({ object }) => String(object)).filter(object => object.startsWith('Hall'));
    expect(halls.toSorted()).toEqual(odd.map(building => `Hall ${JSON.stringify([building, 1])}`).toSorted());
    expect(rows.filter(({ object }) => !String(object).startsWith('Hall'))).toEqual([
      { object: `Seat ${JSON.stringify([odd[0], 1, 'A'])}`, state: { neighbour: null } },
      { object: `Seat ${JSON.stringify([odd[0], 1, 'B'])}`, state: { neighbour: [odd[0], 1, 'A'] } },
      { object: 'thing 9007199254740993', state: { title: 'x' } },
    ]);
    expect(await revy.baseline(em, Hall)).toMatchObject({ recorded: 0 });
    expect(await revy.baseline(em, Seat)).toMatchObject({ recorded: 0 });
    // the ids are those that a change is recorded under
    for (const hall of await em.find(Hall, {})) hall.name = 'named';
    await em.flush();
    const [row] = await test.database.query(
      `select count(*)::int as n, count(distinct object_id)::int as halls from revy_object_delta where object_type = 'Hall'`,
    );
    expect(row).toEqual({ n: 10, halls: 5 });
    await test.close();
  });

  it('of classes with more columns than a function has arguments', async () => {
    const test = await createOrm([Wide]);
    const values = Array.from({ length: 120 }, (_, n) => n);
    await test.database.query(`insert into wide values (gen_random_uuid(), ${values.join(', ')})`);
    await revy.baseline(test.orm.em.fork(), Wide);
    const [row] = await stored(test);
    expect(row!['state']).toEqual(Object.fromEntries(values.map(n => [`c${n}`, n])));
    await test.close();
  });

  it('F2: of a hierarchy in one table, and in a table for each type: each row under its own class', async () => {
    const test = await createOrm(GRAPH);
    await test.database.query(`insert into node (name) values ('n')`);
    await test.database.query(
      `insert into animal (kind, name, barks, owner_id, months, lives) values
       ('dog', 'Rex', true, 1, null, null), ('puppy', 'Pup', false, null, 3, null), ('cat', 'Tom', null, null, null, 9)`,
    );
    await test.database.query(`insert into vehicle (plate) values ('V'), ('C'), ('S')`);
    await test.database.query(`insert into car (id, doors) values (2, 4), (3, 2)`);
    await test.database.query(`insert into sports_car (id, top_speed, driver_id) values (3, 300, 1)`);
    const em = test.orm.em.fork();
    expect(await revy.baseline(em, Dog)).toMatchObject({ recorded: 2 });
    expect(await revy.baseline(em, Animal as never)).toMatchObject({ recorded: 1 });
    expect(await revy.baseline(em, SportsCar)).toMatchObject({ recorded: 1 });
    expect(await revy.baseline(em, Vehicle)).toMatchObject({ recorded: 2 });
    expect(await stored(test)).toEqual([
      { object: 'Car 2', state: { plate: 'C', doors: 4 } },
      { object: 'Cat 3', state: { name: 'Tom', lives: 9 } },
      { object: 'Dog 1', state: { name: 'Rex', barks: true, owner: 1 } },
      { object: 'Puppy 2', state: { name: 'Pup', barks: false, owner: null, months: 3 } },
      { object: 'SportsCar 3', state: { plate: 'S', doors: 2, topSpeed: 300, driver: 1 } },
      { object: 'Vehicle 1', state: { plate: 'V' } },
    ]);
    const snapshots = new SnapshotService(em);
    const vehicles = await snapshots.many(Vehicle, [1, 2, 3]);
    expect(vehicles.map(({ entity, version }) => [entity.constructor, version])).toEqual([
      [Vehicle, 1],
      [Car, 1],
      [SportsCar, 1],
    ]);
    const animals = await snapshots.many(Animal as never, [1, 2, 3] as never);
    expect(animals.map(({ entity }) => (entity as object).constructor)).toEqual([Dog, Puppy, Cat]);
    await test.close();
  });

  it('F8: in a history of another schema and with other names', async () => {
    const test = await createOrm([Renamed], { revy: { schema: 'archive', tablePrefix: 'h_' } });
    await test.database.query(`insert into renamed values (1, 'x')`);
    await revy.baseline(test.orm.em.fork(), Renamed);
    const rows = await test.database.query('select object_type, object_id, state from archive.h_object_delta');
    expect(rows).toEqual([{ object_type: 'thing', object_id: '1', state: { title: 'x' } }]);
    await test.close();
  });

  it('F8: of a tenant, under whose schema it is read', async () => {
    const Site = defineEntity({
      name: 'Site',
      schema: '*',
      properties: { id: p.integer().primary(), url: p.string() },
    });
    const test = await createOrm([Site]);
    for (const schema of ['north', 'south']) {
      await test.database.query(`create schema ${schema}; create table ${schema}.site (id int primary key, url text);
        insert into ${schema}.site values (1, '${schema}.example.org')`);
    }
    const em = test.orm.em.fork({ schema: 'north' });
    expect(await revy.baseline(em, Site)).toMatchObject({ recorded: 1 });
    await test.database.query('drop table north.site');
    expect(await new SnapshotService(em).many(Site, [1])).toMatchObject([{ entity: { url: 'north.example.org' } }]);
    const south = test.orm.em.fork({ schema: 'south' });
    expect(await new SnapshotService(south).at(Site, 1)).toMatchObject({
      version: 0,
      entity: { url: 'south.example.org' },
    });
    const rows = await test.database.query('select object_type, object_id from revy_object_delta');
    expect(rows).toEqual([{ object_type: 'Site@north', object_id: '1' }]);
    await test.close();
  });
});
