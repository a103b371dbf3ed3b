import type { EntityName, Primary } from '@mikro-orm/core';
import { HistoryService, type RelatedOptions, UnusableFilterError } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { Animal, Area, Bird, Cat, Gate, PARK, Passport, Remark, Ticket, Trip, Truck, Vehicle } from './park.js';

let test: TestOrm;
beforeAll(async () => {
  test = await createOrm(PARK);
});
afterAll(() => test.close());

async function related<T extends object>(entity: EntityName<T>, key: Primary<T>, options?: RelatedOptions) {
  const deltas = await new HistoryService(test.orm.em.fork()).related(entity, key, options);
  return deltas.map(({ objectType, objectId, version }) => `${objectType} ${objectId} v${version}`).sort();
}

it('F1: keys of several columns, and keys that are relations', async () => {
  const em = test.orm.em.fork();
  const [north, south] = ['N"', 'S'].map(side => em.create(Gate, { side, number: 1, isOpen: true })) as [Gate, Gate];
  const ticket = em.create(Ticket, { gate: north, serial: 7, price: 5 });
  em.create(Ticket, { gate: south, serial: 7, price: 5 });
  const bird = em.create(Bird, { id: 1, name: 'Tit', wings: 2, area: null } as never);
  em.create(Passport, { animal: bird, number: 'P1' });
  await em.flush();
  ticket.price = 6;
  north.isOpen = false;
  await em.flush();
  const keys = [String.raw`["N\"",1]`, String.raw`["N\"",1,7]`];
  expect(await related(Gate, ['N"', 1])).toEqual([
    `Gate ${keys[0]} v1`,
    `Gate ${keys[0]} v2`,
    `Ticket ${keys[1]} v1`,
    `Ticket ${keys[1]} v2`,
  ]);
  expect(await related(Animal, 1)).toEqual(['Bird 1 v1', 'Passport 1 v1']);
});

it('K13, F2: classes that share a table, as what is referred to and as what refers', async () => {
  const em = test.orm.em.fork();
  const [woods, field] = [1, 2].map(id => em.create(Area, { id, name: 'area', within: null })) as [Area, Area];
  const bird = em.create(Bird, { id: 11, name: 'Tit', wings: 2, area: woods } as never);
  const cat = em.create(Cat, { id: 12, name: 'Tom', lives: 9, area: field, prey: bird } as never);
  await em.flush();
  cat.lives = 8;
  bird.name = 'Great tit';
  await em.flush();
  cat.prey = null;
  bird.area = field;
  await em.flush();
  cat.lives = 7;
  bird.name = 'Tit';
  await em.flush();
  const cats = (...versions: number[]) => versions.map(v => `Cat 12 v${v}`);
  const birds = (...versions: number[]) => versions.map(v => `Bird 11 v${v}`);
  expect(await related(Area, 1)).toEqual(['Area 1 v1', ...birds(1, 2, 3)]);
  expect(await related(Area, 2)).toEqual(['Area 2 v1', ...birds(3, 4), ...cats(1, 2, 3, 4)]);
  expect(await related(Animal, 11)).toEqual([...birds(1, 2, 3, 4), ...cats(1, 2, 3)]);
  expect(await related(Bird, 11)).toEqual(await related(Animal, 11));
  expect(await related(Area, 1, { depth: 2 })).toEqual(['Area 1 v1', ...birds(1, 2, 3), ...cats(1, 2, 3)]);
});

it('F2: classes in tables of their own that share a key', async () => {
  const em = test.orm.em.fork();
  const truck = em.create(Truck, { id: 1, label: 'T', load: 1 });
  const id = '0b8bd2a2-3f2f-4d6e-9d5c-0a3c3f1b2c4d';
  const trip = em.create(Trip, { id, vehicle: truck, truck: null, note: null });
  await em.flush();
  trip.vehicle = null;
  trip.truck = truck;
  await em.flush();
  trip.truck = null;
  await em.flush();
  trip.note = 'alone';
  await em.flush();
  const expected = [`Trip ${id} v1`, `Trip ${id} v2`, `Trip ${id} v3`, 'Truck 1 v1'];
  expect(await related(Truck, 1)).toEqual(expected);
  expect(await related(Vehicle, 1)).toEqual(expected);
});

it('E7: a tree, as deep as asked, and a circle once', async () => {
  const em = test.orm.em.fork();
  const areas = [21, 22, 23].map(id => em.create(Area, { id, name: 'area', within: null })) as [Area, Area, Area];
  areas[1].within = areas[0];
  areas[2].within = areas[1];
  await em.flush();
  expect(await related(Area, 21)).toEqual(['Area 21 v1', 'Area 22 v1']);
  expect(await related(Area, 21, { depth: 2 })).toEqual(['Area 21 v1', 'Area 22 v1', 'Area 23 v1']);
  areas[0].within = areas[2];
  await em.flush();
  expect(await related(Area, 22, { depth: 5 })).toEqual(['Area 21 v2', 'Area 22 v1', 'Area 23 v1']);
});

it('a relation to objects of several classes, which may have the same key', async () => {
  const em = test.orm.em.fork();
  const area = em.create(Area, { id: 31, name: 'area', within: null });
  const cat = em.create(Cat, { id: 31, name: 'Tom', lives: 9, area: null, prey: null } as never);
  const remark = em.create(Remark, { text: 'v1', about: area });
  await em.flush();
  remark.about = cat;
  await em.flush();
  remark.text = 'v3';
  await em.flush();
  expect(await related(Area, 31)).toEqual(['Area 31 v1', `Remark ${remark.id} v1`, `Remark ${remark.id} v2`]);
  expect(await related(Cat, 31)).toEqual(['Cat 31 v1', `Remark ${remark.id} v2`, `Remark ${remark.id} v3`]);
  const history = new HistoryService(em);
  const found = async (to: object) =>
    (await history.deltas({ type: Remark, changed: { about: { to } } } as never)).map(({ version }) => version);
  expect(await found(area)).toEqual([1]);
  expect(await found(cat)).toEqual([2]);
  await expect(found(31 as never)).rejects.toThrow(UnusableFilterError);
});
