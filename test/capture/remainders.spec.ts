import { defineEntity, p } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { createOrm, type TestOrm } from '../support/orm.js';
import { Witness } from '../support/witness.js';

// em.nativeDelete() of a class with a table of its own below another leaves the part above (MikroORM 7.2).

const base = { id: p.integer().primary(), label: p.string() };
const Vehicle = defineEntity({ name: 'Vehicle', inheritance: 'tpt', properties: base });
const Car = defineEntity({ name: 'Car', extends: Vehicle, properties: { doors: p.integer() } });
const SportsCar = defineEntity({ name: 'SportsCar', extends: Car, properties: { speed: p.integer() } });
const Shape = defineEntity({ name: 'Shape', abstract: true, inheritance: 'tpt', properties: base });
const Circle = defineEntity({ name: 'Circle', extends: Shape, properties: { radius: p.integer() } });

let t: TestOrm;
let witness: Witness;
let em: EntityManager;
beforeAll(async () => {
  t = await createOrm([Vehicle, Car, SportsCar, Shape, Circle]);
  witness = await Witness.install(t);
});
afterAll(() => t.close());
beforeEach(async () => {
  await t.database.query('truncate vehicle, shape cascade');
  em = t.orm.em.fork();
  em.create(Car, { id: 1, label: 'a', doors: 4 });
  em.create(SportsCar, { id: 2, label: 'b', doors: 2, speed: 300 });
  em.create(Circle, { id: 1, label: 'c', radius: 1 });
  await em.flush();
  em = t.orm.em.fork();
  await t.forget();
  await witness.forget();
});

/** What was recorded, which is what triggers saw. */
async function told(): Promise<unknown[]> {
  expect(await witness.recorded()).toEqual(await witness.witnessed());
  return (await t.deltas()).map(({ action, object, old, new: now }) => [action, object, old, now]);
}

const GONE = [
  ['delete', 'Car:1', { label: 'a', doors: 4 }, null],
  ['create', 'Vehicle:1', null, { label: 'a' }],
];

describe('of an object that was deleted at its own level', () => {
  it('what is then changed at each level is changed at the level above, and nowhere else', async () => {
    const car = await em.findOneOrFail(Car, 1);
    await em.nativeDelete(Car, 1);
    Object.assign(car, { label: 'changed', doors: 5 });
    await em.flush();
    car.label = 'again';
    await em.flush();
    car.doors = 6;
    await em.flush();
    expect(await told()).toEqual([
      ...GONE,
      ['update', 'Vehicle:1', { label: 'a' }, { label: 'changed' }],
      ['update', 'Vehicle:1', { label: 'changed' }, { label: 'again' }],
    ]);
    expect(await t.database.query('select label from vehicle where id = 1')).toEqual([{ label: 'again' }]);
  });

  it('what is written in the same transaction is so, too', async () => {
    await em.transactional(async inner => {
      const car = await inner.findOneOrFail(Car, 1);
      Object.assign(car, { label: 'changed', doors: 5 });
      await inner.nativeDelete(Car, 1);
    });
    expect(await told()).toEqual([GONE[0], ['create', 'Vehicle:1', null, { label: 'changed' }]]);
  });

  it('what is left is removed as what it is', async () => {
    const car = await em.findOneOrFail(Car, 1);
    await em.nativeDelete(Car, 1);
    await em.remove(car).flush();
    expect(await told()).toEqual([...GONE, ['delete', 'Vehicle:1', { label: 'a' }, null]]);
  });

  it.each([
    [SportsCar, 'Car:2', { label: 'b', doors: 2 }, { label: 'changed', doors: 5 }],
    [Car, 'Vehicle:2', { label: 'b' }, { label: 'changed' }],
  ] as const)('the first level that is left counts', async (level, object, old, now) => {
    const car = await em.findOneOrFail(SportsCar, 2);
    await em.nativeDelete(level as typeof Car, 2);
    Object.assign(car, { label: 'changed', doors: 5, speed: 200 });
    await em.flush();
    expect((await told()).slice(-2)).toEqual([
      ['create', object, null, old],
      ['update', object, old, now],
    ]);
  });

  it('what another entity manager still writes at both levels is seen', async () => {
    const car = await em.findOneOrFail(Car, 1);
    await t.orm.em.fork().nativeDelete(Car, 1);
    Object.assign(car, { label: 'changed', doors: 5 });
    await em.flush();
    expect(await told()).toEqual([...GONE, ['update', 'Vehicle:1', { label: 'a' }, { label: 'changed' }]]);
  });

  it('the part of an abstract class is no object', async () => {
    const circle = await em.findOneOrFail(Circle, 1);
    const other = t.orm.em.fork();
    const same = await other.findOneOrFail(Circle, 1);
    await em.nativeDelete(Circle, 1);
    circle.label = 'changed';
    await em.flush();
    Object.assign(same, { label: 'changed again', radius: 2 });
    await other.flush();
    expect(await told()).toEqual([['delete', 'Circle:1', { label: 'c', radius: 1 }, null]]);
  });
});
