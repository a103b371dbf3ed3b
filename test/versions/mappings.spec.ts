import type { EntityName, Primary } from '@mikro-orm/core';
import { HistoryService, UnusableKeyError } from '@revy/mikro-orm';
import { Animal, Area, Bird, Cat, Gate, PARK, Ticket, Truck, Vehicle } from '../related/park.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

let test: TestOrm;
beforeAll(async () => {
  test = await createOrm(PARK);
});
afterAll(() => test.close());

const history = () => new HistoryService(test.orm.em.fork());

/** Number, changed attributes and state of each version, by every way of asking for them. */
async function told<T extends object>(entity: EntityName<T>, key: Primary<T>) {
  const versions = await history().versions(entity, key);
  const states = await Promise.all(versions.map(version => version.state()));
  return versions.map(({ number, changed, validUntil }, index) => ({
    number,
    changed,
    isOpen: validUntil === null,
    state: states[index],
  }));
}

it('F1: of objects with a key of several columns, also where a part is a relation', async () => {
  const em = test.orm.em.fork();
  const gate = em.create(Gate, { side: 'N"', number: 1, isOpen: true });
  const ticket = em.create(Ticket, { gate, serial: 7, price: 5 });
  await em.flush();
  ticket.price = 6;
  await em.flush();
  const key = [['N"', 1], 7] as never;
  expect(await told(Ticket, key)).toMatchObject([
    { number: 1, changed: ['price'], state: { price: 5, serial: 7, gate: { side: 'N"', number: 1 } } },
    { number: 2, changed: ['price'], state: { price: 6 } },
  ]);
  expect(await history().diff(Ticket, key, { version: 1 })).toMatchObject({
    changed: { price: { oldValue: 5, newValue: 6 } },
  });
  expect((await history().blame(Ticket, key))!.price).toMatchObject({ value: 6, version: 2 });
  await expect(history().versions(Ticket, 'N"' as never)).rejects.toThrow(UnusableKeyError);
});

it('L3, F2: of objects of a joined hierarchy, by the class of the object and by the one it inherits from', async () => {
  const em = test.orm.em.fork();
  const truck = em.create(Truck, { id: 1, label: 'a', load: 1 });
  await em.flush();
  truck.label = 'b';
  await em.flush();
  truck.load = 2;
  await em.flush();
  const expected = [
    { number: 1, changed: ['label', 'load'], isOpen: false, state: { id: 1, label: 'a', load: 1 } },
    { number: 2, changed: ['label'], isOpen: false, state: { label: 'b', load: 1 } },
    { number: 3, changed: ['load'], isOpen: true, state: { label: 'b', load: 2 } },
  ];
  expect(await told(Truck, 1)).toMatchObject(expected);
  expect(await told(Vehicle, 1)).toMatchObject(expected);
  expect((await told(Vehicle, 1))[0]!.state).toBeInstanceOf(Truck);
  expect((await history().diff(Vehicle, 1, { version: 1 }))!.changed).toEqual({
    label: { oldValue: 'a', newValue: 'b' },
    load: { oldValue: 1, newValue: 2 },
  });
  expect(await history().blame(Vehicle, 1)).toMatchObject({ label: { version: 2 }, load: { version: 3 } });
});

it('F2: of objects of a shared table, which are compared by what both classes have', async () => {
  const em = test.orm.em.fork();
  const area = em.create(Area, { id: 1, name: 'woods', within: null });
  const bird = em.create(Bird, { id: 1, name: 'Tit', wings: 2, area } as never);
  const cat = em.create(Cat, { id: 2, name: 'Tom', lives: 9, area, prey: bird } as never);
  await em.flush();
  cat.lives = 8;
  await em.flush();
  expect(await told(Animal, 2)).toMatchObject([
    { number: 1, changed: ['name', 'area', 'lives', 'prey'], state: { kind: 'cat', lives: 9, prey: { id: 1 } } },
    { number: 2, changed: ['lives'], state: { lives: 8 } },
  ]);
  const both = await history().diff({ type: Animal, key: 1 }, { type: Animal, key: 2 });
  expect(both).toEqual({ action: 'update', changed: { name: { oldValue: 'Tit', newValue: 'Tom' } }, unknown: [] });
  expect(await statementsOf(() => history().versions(Animal, 2))).toHaveLength(2);
  expect(await statementsOf(() => history().versions(Cat, 2))).toHaveLength(1);
});

it('F3: deltas asked for by a common class are those of every class that the row has had', async () => {
  const em = test.orm.em.fork();
  const bird = em.create(Bird, { id: 9, name: 'Tit', wings: 2, area: null } as never);
  await em.flush();
  await test.database.query(`update animal set kind = 'cat', lives = 9 where id = 9`);
  const other = test.orm.em.fork();
  (await other.findOneOrFail(Animal, bird.id)).name = 'Tom';
  await other.flush();
  const deltas = await history().deltas(Animal, 9);
  expect(deltas.map(({ objectType, action }) => `${action} ${objectType}`)).toEqual(['create Bird', 'update Cat']);
  expect(await history().countDeltas({ type: Animal, keys: [9], changed: 'name' })).toBe(2);
});
