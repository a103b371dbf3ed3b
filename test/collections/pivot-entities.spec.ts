import { Collection, defineEntity, p } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { RevisionContext } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { byContent } from '../support/order.js';
import { statementsOf } from '../support/statements.js';
import { folded, live } from './links.js';

class Order {
  id!: number;
  products = new Collection<Product>(this);
  items = new Collection<Item>(this);
  shown = new Collection<Product>(this);
  silent = new Collection<Product>(this);
}

class Product {
  id!: number;
  orders = new Collection<Order>(this);
}

/** Its key is its two ends. */
class Item {
  order!: Order;
  product!: Product;
  amount!: number;
  note!: string | null;
  total!: number;
  options!: Options | null;
}

class Options {
  color!: string;
}

/** Goes with its item. */
class Remark {
  id!: number;
  item!: Item;
}

/** It has a key of its own, so that it has an order. */
class Display {
  id!: number;
  order!: Order;
  product!: Product;
  size!: number;
}

/** Not tracked; its links are. */
class Silence {
  order!: Order;
  product!: Product;
}

const id = () => p.integer().primary();

const ENTITIES = [
  defineEntity({
    class: Order,
    properties: {
      id: id(),
      products: () =>
        p
          .manyToMany(Product)
          .owner()
          .pivotEntity(() => Item),
      items: () => p.oneToMany(Item).mappedBy('order'),
      shown: () =>
        p
          .manyToMany(Product)
          .owner()
          .pivotEntity(() => Display),
      silent: () =>
        p
          .manyToMany(Product)
          .owner()
          .pivotEntity(() => Silence),
    },
  }),
  defineEntity({
    class: Product,
    properties: { id: id(), orders: () => p.manyToMany(Order).mappedBy('products') },
  }),
  defineEntity({ class: Options, embeddable: true, properties: { color: p.string() } }),
  defineEntity({
    class: Item,
    properties: {
      order: () => p.manyToOne(Order).primary(),
      product: () => p.manyToOne(Product).primary(),
      amount: p.integer().default(1),
      note: p.string().nullable(),
      total: p.integer().generated('(amount * 10) stored'),
      options: () => p.embedded(Options).object().nullable(),
    },
  }),
  defineEntity({
    class: Remark,
    properties: { id: id(), item: () => p.manyToOne(Item).deleteRule('cascade') },
  }),
  defineEntity({
    class: Display,
    properties: {
      id: p.integer().primary().autoincrement(),
      order: () => p.manyToOne(Order).deleteRule('cascade'),
      product: () => p.manyToOne(Product).deleteRule('cascade'),
      size: p.integer().defaultRaw('2 + 1'),
    },
  }),
  defineEntity({
    class: Silence,
    revy: { track: false },
    properties: { order: () => p.manyToOne(Order).primary(), product: () => p.manyToOne(Product).primary() },
  }),
];

let test: TestOrm;
let em: EntityManager;
beforeAll(async () => {
  test = await createOrm(ENTITIES);
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.database.query(`
    truncate "order", product, item, remark, display, silence restart identity cascade;
    insert into "order" values (1), (2);
    insert into product values (1), (2), (3);
    insert into item (order_id, product_id, amount, note, options)
      values (1, 1, 5, 'five', '{"color": "red"}'), (1, 2, 1, null, null), (2, 2, 4, null, null);
    insert into remark values (1, 1, 1), (2, 1, 2), (3, 2, 2);
    insert into display (order_id, product_id, size) values (1, 2, 8), (1, 1, 9);
    insert into silence values (1, 1)`);
  await test.forget();
  em = test.orm.em.fork();
});

const START = { 'Order:1 products': [1, 2], 'Order:2 products': [2], 'Order:1 shown': [2, 1], 'Order:1 silent': [1] };

/** Everything that was recorded; the links add up to what the tables have. */
async function recorded(): Promise<unknown[]> {
  const deltas = await test.deltas();
  const tables = {
    ...(await live(test, { Order: 'products' })),
    ...(await live(test, { Order: 'shown' })),
    ...(await live(test, { Order: 'silent' })),
  };
  expect(folded(deltas, START)).toEqual(Object.fromEntries(Object.entries(tables).toSorted(byContent)));
  return deltas.map(delta => [delta.action, delta.object, delta.old, delta.new]).toSorted(byContent);
}

const product = (n: number) => em.getReference(Product, n);

describe('a pivot entity is an object, and its link is one of the collection', () => {
  it('set on a collection that was not loaded makes all of its rows anew', async () => {
    const order = await em.findOneOrFail(Order, 1);
    order.products.set([product(1), product(3)]);
    await em.flush();
    expect(await recorded()).toEqual([
      ['create', 'Item:[1,3]', null, { amount: 1, note: null, total: 10, options: null }],
      ['delete', 'Item:[1,2]', { amount: 1, note: null, total: 10, options: null }, null],
      ['delete', 'Remark:1', { item: [1, 1] }, null],
      ['delete', 'Remark:2', { item: [1, 2] }, null],
      [
        'update',
        'Item:[1,1]',
        { amount: 5, note: 'five', total: 50, options: { color: 'red' } },
        {
          amount: 1,
          note: null,
          total: 10,
          options: null,
        },
      ],
      ['update', 'Order:1', {}, { products: { added: [3], removed: [2] } }],
    ]);
  });

  it('of a loaded collection only what changes', async () => {
    const order = await em.findOneOrFail(Order, 1, { populate: ['products'] });
    order.products.set([product(1), product(3)]);
    await em.flush();
    expect(await recorded()).toEqual([
      ['create', 'Item:[1,3]', null, { amount: 1, note: null, total: 10, options: null }],
      ['delete', 'Item:[1,2]', { amount: 1, note: null, total: 10, options: null }, null],
      ['delete', 'Remark:2', { item: [1, 2] }, null],
      ['update', 'Order:1', {}, { products: { added: [3], removed: [2] } }],
    ]);
  });

  it('add to a collection that was not loaded leaves a row alone that is there', async () => {
    const order = await em.findOneOrFail(Order, 1);
    order.products.add(product(1), product(3));
    await em.flush();
    expect(await recorded()).toEqual([
      ['create', 'Item:[1,3]', null, { amount: 1, note: null, total: 10, options: null }],
      ['update', 'Order:1', {}, { products: { added: [3], removed: [] } }],
    ]);
  });

  it('from the other side', async () => {
    const two = await em.findOneOrFail(Product, 2);
    two.orders.removeAll();
    await em.flush();
    expect(await recorded()).toEqual([
      ['delete', 'Item:[1,2]', { amount: 1, note: null, total: 10, options: null }, null],
      ['delete', 'Item:[2,2]', { amount: 4, note: null, total: 40, options: null }, null],
      ['delete', 'Remark:2', { item: [1, 2] }, null],
      ['delete', 'Remark:3', { item: [2, 2] }, null],
      ['update', 'Order:1', {}, { products: { added: [], removed: [2] } }],
      ['update', 'Order:2', {}, { products: { added: [], removed: [2] } }],
    ]);
  });

  it('made, changed and removed by the application itself', async () => {
    em.create(Item, { order: em.getReference(Order, 2), product: product(3), amount: 2, note: null } as never);
    (await em.findOneOrFail(Item, { order: 1, product: 1 })).amount = 6;
    em.remove(await em.findOneOrFail(Item, { order: 1, product: 2 }));
    await em.flush();
    expect(await recorded()).toEqual([
      ['create', 'Item:[2,3]', null, { amount: 2, note: null, total: 20, options: null }],
      ['delete', 'Item:[1,2]', { amount: 1, note: null, total: 10, options: null }, null],
      ['delete', 'Remark:2', { item: [1, 2] }, null],
      ['update', 'Item:[1,1]', { amount: 5, total: 50 }, { amount: 6, total: 60 }],
      ['update', 'Order:1', {}, { products: { added: [], removed: [2] } }],
      ['update', 'Order:2', {}, { products: { added: [3], removed: [] } }],
    ]);
  });

  it('removed without having been loaded', async () => {
    em.remove(em.getReference(Item, [1, 1] as never));
    em.remove(em.getReference(Display, 1));
    await em.flush();
    expect(await recorded()).toEqual([
      ['delete', 'Display:1', { order: 1, product: 2, size: 8 }, null],
      ['delete', 'Item:[1,1]', { amount: 5, note: 'five', total: 50, options: { color: 'red' } }, null],
      ['delete', 'Remark:1', { item: [1, 1] }, null],
      ['update', 'Order:1', {}, { products: { added: [], removed: [1] }, shown: { added: [], removed: [2] } }],
    ]);
  });

  it('given to another object', async () => {
    const shown = await em.findOneOrFail(Display, 1, { fields: ['size'] });
    (shown as Display).order = em.getReference(Order, 2);
    await em.flush();
    expect(await recorded()).toEqual([
      ['update', 'Display:1', { order: 1 }, { order: 2 }],
      ['update', 'Order:1', {}, { shown: { added: [], removed: [2] } }],
      ['update', 'Order:2', {}, { shown: { added: [2], removed: [] } }],
    ]);
  });

  it('goes with the object at either end', async () => {
    em.remove(await em.findOneOrFail(Product, 1));
    await em.flush();
    expect(await recorded()).toEqual([
      ['delete', 'Display:2', { order: 1, product: 1, size: 9 }, null],
      ['delete', 'Item:[1,1]', { amount: 5, note: 'five', total: 50, options: { color: 'red' } }, null],
      ['delete', 'Product:1', {}, null],
      ['delete', 'Remark:1', { item: [1, 1] }, null],
      [
        'update',
        'Order:1',
        {},
        {
          products: { added: [], removed: [1] },
          shown: { added: [], removed: [1] },
          silent: { added: [], removed: [1] },
        },
      ],
    ]);
  });

  it('made in the flush that replaces the collection, which takes it away again', async () => {
    const order = await em.findOneOrFail(Order, 1);
    em.create(Silence, { order: em.getReference(Order, 1), product: product(3) });
    order.silent.set([product(2)]);
    await em.flush();
    expect(await recorded()).toEqual([['update', 'Order:1', {}, { silent: { added: [2], removed: [1] } }]]);
  });

  it('links of a class that is not tracked itself', async () => {
    const order = await em.findOneOrFail(Order, 1);
    order.silent.set([product(2)]);
    await em.flush();
    em.create(Silence, { order, product: product(3) });
    await em.flush();
    em.remove(await em.findOneOrFail(Silence, { order: 1, product: 3 }));
    em.create(Silence, { order: em.getReference(Order, 2), product: product(3) });
    await em.flush();
    expect(await recorded()).toEqual([
      ['update', 'Order:1', {}, { silent: { added: [], removed: [3] } }],
      ['update', 'Order:1', {}, { silent: { added: [2], removed: [1] } }],
      ['update', 'Order:1', {}, { silent: { added: [3], removed: [] } }],
      ['update', 'Order:2', {}, { silent: { added: [3], removed: [] } }],
    ]);
  });
});

it('credits who flushes with the links, and the system with what they take along', async () => {
  const order = await em.findOneOrFail(Order, 1);
  await RevisionContext.run(
    { actor: em.getReference(Product, 3), objectDeltaDescription: 'tidy', deletionDescription: 'gone with it' },
    async () => {
      order.products.removeAll();
      await em.flush();
    },
  );
  const credits = (await test.deltas()).map(delta => [delta.object, delta.actor, delta.description]);
  expect(credits.toSorted(byContent)).toEqual([
    ['Item:[1,1]', 'Product:3', 'tidy'],
    ['Item:[1,2]', 'Product:3', 'tidy'],
    ['Order:1', 'Product:3', 'tidy'],
    ['Remark:1', null, 'gone with it'],
    ['Remark:2', null, 'gone with it'],
  ]);
});

it('asks the database for what goes with the links, and for nothing else', async () => {
  const order = await em.findOneOrFail(Order, 1);
  order.products.set([product(1)]);
  order.shown.set([product(1)]);
  const sent = await statementsOf(() => em.flush());
  expect(sent.map(sql => sql.replace(/\bin \([^)]*\)+/g, 'in (…)').replace(/^with made.*/s, 'history'))).toEqual([
    'begin',
    `select "order_id", "product_id" from "item" where "order_id" = 1`,
    expect.stringMatching(/^select .* from "item" as .* for update$/),
    expect.stringMatching(/^select .* from "remark" as .* for update$/),
    `delete from "item" where "order_id" = 1 returning *`,
    `insert into "item" ("product_id", "order_id") values (1, 1) returning "amount", "total", *`,
    `delete from "display" where "order_id" = 1 returning *`,
    `insert into "display" ("product_id", "order_id") values (1, 1) returning "id", "size", *`,
    'history',
  ]);
});
