import { Collection, defineEntity, p } from '@mikro-orm/core';
import { SnapshotService } from '@revy/mikro-orm';
import { statementsOf } from '../support/statements.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { byContent } from '../support/order.js';
import { empty, Lives, summary } from './lives.js';

// Tables that are not in the schema of the connection, and tables that each tenant has of their own.

class Country {
  id!: number;
  name!: string;
}

class Depot {
  id!: number;
  name!: string;
  notes!: string | null;
  country!: Country | null;
  goods = new Collection<Ware>(this);
}

class Ware {
  id!: number;
  name!: string;
}

/** In the schema of whoever asks. */
class Order {
  id!: number;
  text!: string;
  notes!: string | null;
  total!: number;
}

class Line {
  id!: number;
  text!: string;
  order!: Order;
}

const id = p.integer().primary();
const Schemas = [
  defineEntity({ class: Country, schema: 'geo', properties: { id, name: p.string() } }),
  defineEntity({
    class: Depot,
    schema: 'stock "x"',
    properties: {
      id,
      name: p.string(),
      notes: p.text().lazy().nullable(),
      country: () => p.manyToOne(Country).nullable(),
      goods: () => p.manyToMany(Ware).owner(),
    },
  } as never),
  defineEntity({ class: Ware, schema: 'stock "x"', properties: { id, name: p.string() } }),
  defineEntity({
    class: Order,
    schema: '*',
    properties: {
      id,
      text: p.string(),
      notes: p.text().lazy().nullable(),
      total: p.integer().generated('(length(text)) stored'),
    },
  } as never),
  defineEntity({
    class: Line,
    schema: '*',
    properties: { id, text: p.string(), order: () => p.manyToOne(Order).deleteRule('cascade') },
  }),
];

let test: TestOrm;
beforeAll(async () => {
  test = await createOrm(Schemas as never);
  for (const schema of ['ann', 'bob']) await test.orm.schema.create({ schema });
});
afterAll(() => test.close());
beforeEach(() => empty(test));

it('F8: entities in other schemas: each change is recorded, and comes back', async () => {
  const lives = new Lives(test, [Country, Depot, Ware]);
  const em = test.orm.em.fork();
  const country = em.create(Country, { id: 1, name: 'x' });
  const ware = em.create(Ware, { id: 1, name: 'w' });
  const depot = em.create(Depot, { id: 1, name: 'd', notes: 'long', country });
  depot.goods.add(ware);
  await lives.flush(em);
  const other = test.orm.em.fork();
  Object.assign(other.getReference(Depot, 1), { notes: null, country: null });
  await lives.flush(other);
  const third = test.orm.em.fork();
  (await third.findOneOrFail(Depot, 1)).notes = 'again';
  await lives.flush(third);
  await third.nativeUpdate(Depot, { id: 1 }, { name: 'e' });
  await lives.look();
  const last = test.orm.em.fork();
  last.remove(last.getReference(Depot, 1));
  last.remove(last.getReference(Country, 1));
  await lives.flush(last);
  expect((await summary(test)).toSorted(byContent)).toEqual(
    [
      ['create', 'Country:1', null, { name: 'x' }],
      ['create', 'Ware:1', null, { name: 'w' }],
      ['create', 'Depot:1', null, { name: 'd', notes: 'long', country: 1, goods: { added: [1], removed: [] } }],
      ['update', 'Depot:1', { notes: 'long', country: 1 }, { notes: null, country: null }],
      ['update', 'Depot:1', { notes: null }, { notes: 'again' }],
      ['update', 'Depot:1', { name: 'd' }, { name: 'e' }],
      ['delete', 'Depot:1', { name: 'e', notes: 'again', country: null, goods: { added: [], removed: [1] } }, null],
      ['delete', 'Country:1', { name: 'x' }, null],
    ].toSorted(byContent),
  );
  expect(await lives.shown()).toStrictEqual(lives.seen);
});

describe("schema: '*'", () => {
  it('F8: the entity manager of a tenant records what it writes there, of references as well', async () => {
    for (const schema of ['ann', 'bob']) {
      const em = test.orm.em.fork({ schema });
      const order = em.create(Order, { id: schema === 'ann' ? 1 : 2, text: schema, notes: 'n' } as never) as Order;
      em.create(Line, { id: order.id, text: 'l', order });
      await em.flush();
      const other = test.orm.em.fork({ schema });
      other.getReference(Order, order.id).text = `${schema}!`;
      await other.flush();
      other.remove(other.getReference(Order, order.id));
      await other.flush();
    }
    const story = (key: number, name: string) => [
      ['create', `Order@${name}:${key}`, null, { text: name, notes: 'n', total: name.length }],
      ['create', `Line@${name}:${key}`, null, { text: 'l', order: key }],
      [
        'update',
        `Order@${name}:${key}`,
        { text: name, total: name.length },
        { text: `${name}!`, total: name.length + 1 },
      ],
      ['delete', `Line@${name}:${key}`, { text: 'l', order: key }, null],
      ['delete', `Order@${name}:${key}`, { text: `${name}!`, notes: 'n', total: name.length + 1 }, null],
    ];
    expect((await summary(test)).toSorted(byContent)).toEqual(
      [...story(1, 'ann'), ...story(2, 'bob')].toSorted(byContent),
    );
  });

  it('F8: rows of several tenants in one flush each have their own old values and history', async () => {
    for (const schema of ['ann', 'bob']) {
      await test.database.query(`insert into ${schema}."order" (id, text, notes) values (1, $1, $2)`, [
        schema,
        `notes of ${schema}`,
      ]);
    }
    const em = test.orm.em.fork();
    const ann = await em.findOneOrFail(Order, 1, { schema: 'ann', fields: ['text'] as never });
    const bob = await em.findOneOrFail(Order, 1, { schema: 'bob', fields: ['text'] as never });
    Object.assign(ann, { notes: 'a' });
    const statements = await statementsOf(() => em.flush());
    expect(statements.filter(sql => sql.startsWith('select'))).toHaveLength(1);
    Object.assign(bob, { notes: 'b' });
    await em.flush();
    expect(await summary(test)).toEqual([
      ['update', 'Order@ann:1', { notes: 'notes of ann' }, { notes: 'a' }],
      ['update', 'Order@bob:1', { notes: 'notes of bob' }, { notes: 'b' }],
    ]);
    await test.forget();
    const other = test.orm.em.fork();
    for (const schema of ['ann', 'bob']) {
      const order = await other.findOneOrFail(Order, 1, { schema, fields: ['text'] as never });
      Object.assign(order, { notes: null });
    }
    const both = await statementsOf(() => other.flush());
    expect(both.filter(sql => sql.startsWith('select'))).toHaveLength(2);
    const rows = await test.database.query<{ old_values: unknown }>('select old_values from revy_object_delta');
    expect(rows).toEqual([{ old_values: { notes: 'a' } }, { old_values: { notes: 'b' } }]);
  });

  it('F8: a snapshot of an object older than its history reads the row of the tenant that asks', async () => {
    await test.database.query(`insert into bob."order" (id, text, notes) values (7, 'old', 'n')`);
    const em = test.orm.em.fork({ schema: 'bob' });
    (await em.findOneOrFail(Order, 7)).text = 'new';
    await em.flush();
    const snapshot = await new SnapshotService(em).at(Order, 7, { before: 1 });
    expect(snapshot).toMatchObject({ unknown: [], entity: { text: 'old', notes: 'n', total: 3 } });
  });
});
