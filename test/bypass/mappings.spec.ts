import { defineEntity, p, raw, Type } from '@mikro-orm/core';
import { createOrm, type TestOrm } from '../support/orm.js';

class Money {
  constructor(readonly cents: number) {}
}

class MoneyType extends Type<Money, string> {
  override convertToDatabaseValue(value: Money): string {
    return `${value.cents} cents`;
  }

  override convertToJSValue(value: string): Money {
    return new Money(Number.parseInt(value, 10));
  }

  override getColumnType(): string {
    return 'text';
  }
}

/** A key whose runtime form and stored form differ. */
class CodeType extends Type<string, string> {
  override convertToDatabaseValue(value: string): string {
    return `db-${value}`;
  }

  override convertToJSValue(value: string): string {
    return value.slice(3);
  }

  override getColumnType(): string {
    return 'text';
  }
}

const Address = defineEntity({
  name: 'Address',
  embeddable: true,
  properties: { street: p.string().nullable(), city: p.string() },
});

const Shop = defineEntity({
  name: 'Shop',
  properties: {
    code: p.type(CodeType).primary(),
    name: p.string(),
    home: () => p.embedded(Address),
    office: () => p.embedded(Address).object().nullable(),
    branches: () => p.embedded(Address).array().nullable(),
    budget: p.type(MoneyType).nullable(),
    tags: p.array().nullable(),
    rate: p.decimal().precision(10).scale(2).nullable(),
    visits: p.bigint('bigint').nullable(),
    opened: p.datetime().nullable(),
    logo: p.uint8array().nullable(),
    notes: p.text().lazy().nullable(),
    label: p.string().generated(`(name || '!') stored`).nullable(),
  },
});

const Line = defineEntity({
  name: 'Line',
  properties: {
    shop: () => p.manyToOne(Shop).primary(),
    number: p.integer().primary(),
    text: p.string(),
  },
});

const Vehicle = defineEntity({
  name: 'Vehicle',
  discriminatorColumn: 'kind',
  discriminatorValue: 'vehicle',
  properties: { id: p.integer().primary().autoincrement(), kind: p.string(), name: p.string() },
});
const Car = defineEntity({
  name: 'Car',
  extends: Vehicle,
  discriminatorValue: 'car',
  properties: { doors: p.integer().nullable() },
});
const Truck = defineEntity({
  name: 'Truck',
  extends: Vehicle,
  discriminatorValue: 'truck',
  properties: { load: p.integer().nullable() },
});

const Animal = defineEntity({
  name: 'Animal',
  inheritance: 'tpt',
  properties: { id: p.integer().primary().autoincrement(), name: p.string() },
});
const Dog = defineEntity({ name: 'Dog', extends: Animal, properties: { bark: p.string().nullable() } });
const Cat = defineEntity({ name: 'Cat', extends: Animal, properties: { meow: p.string().nullable() } });

let t: TestOrm;

beforeAll(async () => {
  t = await createOrm([Address, Shop, Line, Vehicle, Car, Truck, Animal, Dog, Cat]);
});

afterAll(async () => t.close());

beforeEach(async () => {
  await t.database.query('truncate shop, line, vehicle, animal restart identity cascade');
  await t.forget();
});

async function objects(): Promise<object[]> {
  return (await t.deltas()).map(({ object, action, old, new: now }) => ({ object, action, old, new: now }));
}

const FULL = {
  code: 'x',
  name: 'X',
  home: { street: 'Main', city: 'Rome' },
  office: { street: null, city: 'Oslo' },
  branches: [{ street: 'S', city: 'Bern' }],
  budget: new Money(5),
  tags: ['a', 'b,c'],
  rate: '1.005',
  visits: 9007199254740993n,
  opened: new Date('2026-01-02T03:04:05.678Z'),
  logo: new Uint8Array([1, 2, 255]),
  notes: 'long',
};

const STORED = {
  name: 'X',
  home_street: 'Main',
  home_city: 'Rome',
  office: { street: null, city: 'Oslo' },
  branches: [{ street: 'S', city: 'Bern' }],
  budget: '5 cents',
  tags: ['a', 'b,c'],
  rate: '1.01',
  visits: '9007199254740993',
  opened: '2026-01-02T03:04:05.678Z',
  logo: 'AQL/',
  notes: 'long',
  label: 'X!',
};

describe('native calls on values of every kind', () => {
  it.each([
    ['data', () => FULL],
    ['an entity', () => t.orm.em.fork().create(Shop, FULL as never, { persist: false })],
  ])('record what the row holds after an insert of %s', async (_kind, make) => {
    const em = t.orm.em.fork();
    await em.insert(Shop, make() as never);
    expect(await objects()).toEqual([{ object: 'Shop:db-x', action: 'create', old: null, new: STORED }]);
  });

  it('say the same as a flush that creates the same', async () => {
    const em = t.orm.em.fork();
    em.create(Shop, FULL as never);
    await em.flush();
    const [flushed] = await objects();
    await em.fork().nativeDelete(Shop, { code: 'x' });
    await t.forget();
    await em.fork().insert(Shop, FULL as never);
    expect(await objects()).toEqual([flushed]);
  });

  it('record updates of embeddables, custom types and generated columns by a key of a custom type', async () => {
    const em = t.orm.em.fork();
    await em.insert(Shop, FULL as never);
    await t.forget();
    const changes = { name: 'Y', home: { street: 'Side', city: 'Rome' }, budget: new Money(7), rate: '1.01' };
    await em.nativeUpdate(Shop, { code: 'x' }, changes as never);
    await em.nativeUpdate(Shop, { home: { city: 'Rome' } }, { tags: ['z'], opened: null, notes: 'longer' });
    expect(await objects()).toEqual([
      {
        object: 'Shop:db-x',
        action: 'update',
        old: { name: 'X', home_street: 'Main', budget: '5 cents', label: 'X!' },
        new: { name: 'Y', home_street: 'Side', budget: '7 cents', label: 'Y!' },
      },
      {
        object: 'Shop:db-x',
        action: 'update',
        old: { tags: ['a', 'b,c'], opened: '2026-01-02T03:04:05.678Z', notes: 'long' },
        new: { tags: ['z'], opened: null, notes: 'longer' },
      },
    ]);
  });

  it('record an upsert by a key of a custom type', async () => {
    const em = t.orm.em.fork();
    await em.insert(Shop, FULL as never);
    await t.forget();
    await em.upsert(Shop, { code: 'x', name: 'Y', home: { street: 'Main', city: 'Rome' } } as never);
    expect(await objects()).toEqual([
      { object: 'Shop:db-x', action: 'update', old: { name: 'X', label: 'X!' }, new: { name: 'Y', label: 'Y!' } },
    ]);
  });

  it('find objects of a composite key that is a relation in part', async () => {
    const em = t.orm.em.fork();
    await em.insert(Shop, FULL as never);
    await t.forget();
    await em.insertMany(Line, [
      { shop: 'x', number: 1, text: 'a' },
      { shop: 'x', number: 2, text: 'b' },
    ]);
    await em.nativeUpdate(Line, { shop: 'x' }, { text: raw(`text || '!'`) });
    await em.nativeUpdate(Line, { shop: 'x', number: 2 }, { number: 3 });
    await em.upsert(Line, { shop: 'x', number: 1, text: 'c' });
    await em.nativeDelete(Line, { number: 3 });
    expect(await objects()).toEqual([
      { object: 'Line:["db-x",1]', action: 'create', old: null, new: { text: 'a' } },
      { object: 'Line:["db-x",2]', action: 'create', old: null, new: { text: 'b' } },
      { object: 'Line:["db-x",1]', action: 'update', old: { text: 'a' }, new: { text: 'a!' } },
      { object: 'Line:["db-x",2]', action: 'update', old: { text: 'b' }, new: { text: 'b!' } },
      { object: 'Line:["db-x",2]', action: 'delete', old: { text: 'b!' }, new: null },
      { object: 'Line:["db-x",3]', action: 'create', old: null, new: { text: 'b!' } },
      { object: 'Line:["db-x",1]', action: 'update', old: { text: 'a!' }, new: { text: 'c' } },
      { object: 'Line:["db-x",3]', action: 'delete', old: { text: 'b!' }, new: null },
    ]);
  });

  it('refuse to set a key by an expression, before anything is written', async () => {
    const em = t.orm.em.fork();
    await em.insert(Vehicle, { kind: 'car', name: 'a' });
    const updating = em.nativeUpdate(Vehicle, {}, { id: raw('id + 10') });
    await expect(updating).rejects.toThrow(
      'Cannot run em.nativeUpdate() on Vehicle: it sets the key by an SQL expression, so nobody could tell which ' +
        'object became which. Change one object at a time, with its new key as a plain value.',
    );
    expect(await t.database.query('select id from vehicle')).toEqual([{ id: 1 }]);
  });
});

describe('native calls on a hierarchy', () => {
  it('in one table record each object as what it is', async () => {
    const em = t.orm.em.fork();
    await em.insertMany(Vehicle, [
      { kind: 'car', name: 'c', doors: 3 },
      { kind: 'truck', name: 't', load: 9 },
      { kind: 'vehicle', name: 'v' },
    ] as never);
    await em.nativeUpdate(Vehicle, {}, { name: raw('upper(name)') });
    await em.nativeUpdate(Car, {}, { doors: 5 });
    await em.nativeUpdate(Vehicle, { id: 1 }, { kind: 'truck' });
    await em.nativeDelete(Vehicle, { name: ['V', 'C'] });
    // the root of the hierarchy has the columns of all
    expect((await objects()).toSorted(byObject)).toEqual(
      [
        { object: 'Car:1', action: 'create', old: null, new: { name: 'c', doors: 3 } },
        { object: 'Truck:2', action: 'create', old: null, new: { name: 't', load: 9 } },
        { object: 'Vehicle:3', action: 'create', old: null, new: { name: 'v', doors: null, load: null } },
        { object: 'Car:1', action: 'update', old: { name: 'c' }, new: { name: 'C' } },
        { object: 'Truck:2', action: 'update', old: { name: 't' }, new: { name: 'T' } },
        { object: 'Vehicle:3', action: 'update', old: { name: 'v' }, new: { name: 'V' } },
        { object: 'Car:1', action: 'update', old: { doors: 3 }, new: { doors: 5 } },
        { object: 'Car:1', action: 'delete', old: { name: 'C', doors: 5 }, new: null },
        { object: 'Truck:1', action: 'create', old: null, new: { name: 'C', load: null } },
        { object: 'Truck:1', action: 'delete', old: { name: 'C', load: null }, new: null },
        { object: 'Vehicle:3', action: 'delete', old: { name: 'V', doors: null, load: null }, new: null },
      ].toSorted(byObject),
    );
  });

  it('in a table for each type record each object as what it is', async () => {
    const em = t.orm.em.fork();
    em.create(Dog, { name: 'rex', bark: 'wuff' });
    em.create(Cat, { name: 'tom', meow: 'miau' });
    await em.flush();
    await t.forget();
    const other = t.orm.em.fork();
    await other.nativeUpdate(Animal, {}, { name: raw('upper(name)') });
    await other.nativeUpdate(Dog, { bark: 'wuff' }, { bark: 'woof' });
    await other.upsert(Dog, { id: 9, name: 'ace', bark: null });
    await other.upsert(Dog, { id: 9, name: 'ace', bark: 'yip' });
    await other.nativeDelete(Animal, { id: [1, 2] });
    expect((await objects()).toSorted(byObject)).toEqual(
      [
        { object: 'Dog:1', action: 'update', old: { name: 'rex' }, new: { name: 'REX' } },
        { object: 'Cat:2', action: 'update', old: { name: 'tom' }, new: { name: 'TOM' } },
        { object: 'Dog:1', action: 'update', old: { bark: 'wuff' }, new: { bark: 'woof' } },
        { object: 'Dog:9', action: 'create', old: null, new: { name: 'ace', bark: null } },
        { object: 'Dog:9', action: 'update', old: { bark: null }, new: { bark: 'yip' } },
        { object: 'Dog:1', action: 'delete', old: { name: 'REX', bark: 'woof' }, new: null },
        { object: 'Cat:2', action: 'delete', old: { name: 'TOM', meow: 'miau' }, new: null },
      ].toSorted(byObject),
    );
  });
});

function byObject(a: object, b: object): number {
  return JSON.stringify(a).localeCompare(JSON.stringify(b));
}
