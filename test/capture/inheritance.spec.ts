import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SnapshotService } from '@revy/mikro-orm';
import { byContent } from '../support/order.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { Animal, Car, Cat, Dog, GRAPH, Node, Puppy, SportsCar, Vehicle } from './graph.js';

describe('inheritance', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm(GRAPH);
  });
  afterAll(() => test.close());
  beforeEach(() => test.forget());

  const summary = async () => (await test.deltas()).map(row => [row.action, row.object, row.old, row.new]);

  it('F2: single table: one delta per object, under its concrete type, with the columns of every level', async () => {
    const em = test.orm.em.fork();
    const owner = em.create(Node, { name: 'owner' } as never);
    const dog = em.create(Dog, { name: 'Rex', owner } as never);
    const puppy = em.create(Puppy, { name: 'Tiny', months: 3, barks: false } as never);
    const cat = em.create(Cat, { name: 'Tom', lives: 9 } as never);
    await em.flush();
    await test.forget();

    const next = test.orm.em.fork();
    const animals = await next.find(Animal, {});
    for (const animal of animals) animal.name += '!';
    (animals.find(animal => animal instanceof Puppy) as Puppy).months = 4;
    (animals.find(animal => animal instanceof Cat) as Cat).lives = 8;
    await next.flush();
    expect(await summary()).toEqual([
      ['update', `Dog:${dog.id}`, { name: 'Rex' }, { name: 'Rex!' }],
      ['update', `Puppy:${puppy.id}`, { name: 'Tiny', months: 3 }, { name: 'Tiny!', months: 4 }],
      ['update', `Cat:${cat.id}`, { name: 'Tom', lives: 9 }, { name: 'Tom!', lives: 8 }],
    ]);
    await test.forget();

    for (const animal of animals) next.remove(animal);
    await next.flush();
    expect((await summary()).toSorted(byContent)).toEqual([
      ['delete', `Cat:${cat.id}`, { name: 'Tom!', lives: 8 }, null],
      ['delete', `Dog:${dog.id}`, { name: 'Rex!', barks: true, owner: owner.id }, null],
      ['delete', `Puppy:${puppy.id}`, { name: 'Tiny!', barks: false, owner: null, months: 4 }, null],
    ]);
  });

  it('F2: single table: creates hold what the row holds, and snapshots are of the concrete class', async () => {
    const em = test.orm.em.fork();
    const puppy = em.create(Puppy, { name: 'Tiny', months: 3 } as never);
    const cat = em.create(Cat, { name: 'Tom', lives: 9 } as never);
    await em.flush();
    expect(await summary()).toEqual([
      ['create', `Puppy:${puppy.id}`, null, { name: 'Tiny', months: 3, barks: true, owner: null }],
      ['create', `Cat:${cat.id}`, null, { name: 'Tom', lives: 9 }],
    ]);
    const rows = await test.database.query(
      'select kind, name, barks, months, lives from animal where id = any($1) order by id',
      [[puppy.id, cat.id]],
    );
    expect(rows.map(Object.values)).toEqual([
      ['puppy', 'Tiny', true, 3, null],
      // the default of a dog's column, which no cat has
      ['cat', 'Tom', true, null, 9],
    ]);
    const snapshot = await new SnapshotService(em).at(Puppy, puppy.id, { version: 1 });
    expect(snapshot!.entity).toBeInstanceOf(Puppy);
    expect(snapshot!.entity).toMatchObject({ name: 'Tiny', months: 3, barks: true });
  });

  it('F2: single table: a reference by the base class, and one by the concrete class', async () => {
    const seeder = test.orm.em.fork();
    const dog = seeder.create(Dog, { name: 'Rex' } as never);
    await seeder.flush();
    await test.forget();
    const em = test.orm.em.fork();
    em.getReference(Dog, dog.id).barks = false;
    await em.flush();
    expect(await summary()).toEqual([['update', `Dog:${dog.id}`, { barks: true }, { barks: false }]]);
  });

  it('F2: joined tables: one delta per object, whichever of its tables is written', async () => {
    const em = test.orm.em.fork();
    const driver = em.create(Node, { name: 'driver' } as never);
    const vehicle = em.create(Vehicle, { plate: 'V' } as never);
    const car = em.create(Car, { plate: 'C', doors: 5 } as never);
    const sports = em.create(SportsCar, { plate: 'S', doors: 2, topSpeed: 300, driver } as never);
    await em.flush();
    const ofVehicles = (await test.deltas()).filter(row => !row.object.startsWith('Node'));
    expect(ofVehicles.map(row => [row.action, row.object, row.old, row.new])).toEqual([
      ['create', `Vehicle:${vehicle.id}`, null, { plate: 'V' }],
      ['create', `Car:${car.id}`, null, { plate: 'C', doors: 5 }],
      ['create', `SportsCar:${sports.id}`, null, { plate: 'S', doors: 2, topSpeed: 300, driver: driver.id }],
    ]);
    await test.forget();

    const next = test.orm.em.fork();
    const [one, two, three] = (await next.find(Vehicle, {}, { orderBy: { id: 1 } })) as [Vehicle, Car, SportsCar];
    one.plate = 'V2';
    two.doors = 3;
    Object.assign(three, { plate: null, topSpeed: 310 });
    await next.flush();
    expect((await summary()).toSorted(byContent)).toEqual([
      ['update', `Car:${car.id}`, { doors: 5 }, { doors: 3 }],
      ['update', `SportsCar:${sports.id}`, { plate: 'S', topSpeed: 300 }, { plate: null, topSpeed: 310 }],
      ['update', `Vehicle:${vehicle.id}`, { plate: 'V' }, { plate: 'V2' }],
    ]);
    await test.forget();
    three.doors = 4;
    await next.flush();
    Object.assign(three, { plate: 'S2', doors: 2, driver: null });
    await next.flush();
    expect(await summary()).toEqual([
      ['update', `SportsCar:${sports.id}`, { doors: 2 }, { doors: 4 }],
      [
        'update',
        `SportsCar:${sports.id}`,
        { plate: null, doors: 4, driver: driver.id },
        { plate: 'S2', doors: 2, driver: null },
      ],
    ]);
    await test.forget();

    for (const each of [one, two, three]) next.remove(each);
    await next.flush();
    expect((await summary()).toSorted(byContent)).toEqual([
      ['delete', `Car:${car.id}`, { plate: 'C', doors: 3 }, null],
      ['delete', `SportsCar:${sports.id}`, { plate: 'S2', doors: 2, topSpeed: 310, driver: null }, null],
      ['delete', `Vehicle:${vehicle.id}`, { plate: 'V2' }, null],
    ]);
    const left = await test.database.query(
      'select (select count(*) from vehicle)::int + (select count(*) from car)::int as rows',
    );
    expect(left).toEqual([{ rows: 0 }]);
  });

  it('F2: joined tables: references, partly loaded, changed and removed', async () => {
    const seeder = test.orm.em.fork();
    const one = seeder.create(SportsCar, { plate: 'S', doors: 2, topSpeed: 300 } as never);
    const two = seeder.create(SportsCar, { plate: 'T', doors: 4, topSpeed: 200 } as never);
    await seeder.flush();
    await test.forget();
    const em = test.orm.em.fork();
    Object.assign(em.getReference(SportsCar, one.id), { plate: 'S2', topSpeed: 301 });
    em.remove(em.getReference(SportsCar, two.id));
    await em.flush();
    expect((await summary()).toSorted(byContent)).toEqual([
      ['delete', `SportsCar:${two.id}`, { plate: 'T', doors: 4, topSpeed: 200, driver: null }, null],
      ['update', `SportsCar:${one.id}`, { plate: 'S', topSpeed: 300 }, { plate: 'S2', topSpeed: 301 }],
    ]);
  });

  it('F2: joined tables: a snapshot has the columns of every level', async () => {
    const em = test.orm.em.fork();
    const sports = em.create(SportsCar, { plate: 'S', doors: 2, topSpeed: 300 } as never);
    await em.flush();
    sports.topSpeed = 1;
    await em.flush();
    const snapshot = await new SnapshotService(em).at(SportsCar, sports.id, { version: 1 });
    expect(snapshot!.entity).toBeInstanceOf(SportsCar);
    expect(snapshot).toMatchObject({ entity: { id: sports.id, plate: 'S', doors: 2, topSpeed: 300 }, unknown: [] });
  });

  it('F3: a row whose discriminator changes past the ORM goes on under its new type', async () => {
    const em = test.orm.em.fork();
    const dog = em.create(Dog, { name: 'Rex' } as never);
    await em.flush();
    await test.database.query(`update animal set kind = 'puppy', months = 2 where id = $1`, [dog.id]);
    const next = test.orm.em.fork();
    const puppy = (await next.findOneOrFail(Animal, dog.id)) as Puppy;
    puppy.months = 3;
    await next.flush();
    expect((await summary()).map(row => [row[0], row[1]])).toEqual([
      ['create', `Dog:${dog.id}`],
      ['update', `Puppy:${dog.id}`],
    ]);
    const snapshots = new SnapshotService(em);
    expect((await snapshots.at(Dog, dog.id, { version: 1 }))!.entity).toMatchObject({ name: 'Rex' });
    expect((await snapshots.at(Puppy, dog.id, { version: 1 }))!.entity).toMatchObject({ name: 'Rex', months: 3 });
  });
});
