import { Collection, defineEntity, p } from '@mikro-orm/core';
import { CASCADE, SET_NULL } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';

const id = () => p.integer().primary();

async function removeOne(t: TestOrm, entity: new () => object, key: unknown): Promise<unknown[]> {
  const em = t.orm.em.fork();
  await em.remove(await em.findOneOrFail(entity, key as never)).flush();
  return (await t.deltas())
    .map(({ object, action, old, new: after }) => ({ object, action, old, new: after }))
    .toSorted((a, b) => a.object.localeCompare(b.object));
}

class Top {
  id!: string;
  code!: string | null;
}

/** Values whose form in the database is not that in memory, and columns that rows must not be read without. */
class Below {
  id!: string;
  top!: Top;
  byCode!: Top | null;
  price!: string;
  at!: Date;
  doc!: { a: number[] } | null;
  tags!: string[];
  bytes!: Buffer;
  address!: { city: string; country: Country | null };
  notes!: string;
}

class Country {
  id!: number;
}

it('reads values in the form that all history has, of every kind of property', async () => {
  const TopSchema = defineEntity({
    class: Top,
    properties: { id: p.bigint('string').primary(), code: p.string().nullable().unique() },
  });
  const CountrySchema = defineEntity({ class: Country, properties: { id: id() } });
  const AddressSchema = defineEntity({
    name: 'Address',
    embeddable: true,
    properties: { city: p.string(), country: () => p.manyToOne(Country).nullable() },
  });
  const BelowSchema = defineEntity({
    class: Below,
    properties: {
      id: p.uuid().primary(),
      top: () => p.manyToOne(Top).deleteRule('cascade'),
      byCode: () => p.manyToOne(Top).targetKey('code').nullable(),
      price: p.decimal('string').precision(10).scale(2),
      at: p.datetime(),
      doc: p.json<{ a: number[] }>().nullable(),
      tags: p.array(),
      bytes: p.blob(),
      address: () => p.embedded(AddressSchema) as never,
      notes: p.text().lazy(),
    },
  });
  const t = await createOrm([TopSchema, CountrySchema, AddressSchema, BelowSchema]);
  try {
    const key = '01890a5d-ac96-774b-bcce-b302099a8057';
    const em = t.orm.em.fork();
    await t.database.query(`insert into country values (7); insert into top values (9007199254740993, 'c'), (2, 'd')`);
    const values = {
      top: '9007199254740993',
      byCode: null,
      price: '12.50',
      at: new Date('2026-01-02T03:04:05.678Z'),
      doc: { a: [1, 2] },
      tags: ['x', 'y,z'],
      bytes: Buffer.from('hi'),
      address: { city: 'Bonn', country: 7 },
      notes: 'long',
    };
    em.create(Below, { id: key, ...values } as never);
    await em.flush();
    const [created] = await t.deltas();
    await t.forget();
    const [below] = (await removeOne(t, Top, '9007199254740993')) as { old: unknown }[];
    expect(below).toMatchObject({ object: `Below:${key}`, action: 'delete', old: created!.new });
    await t.forget();
    await t.database.query(`insert into top values (1, 'e');
      insert into below select '${key}', 1, 'd', 1, now(), null, '{}', '', 'Bonn', 7, ''`);
    expect(await removeOne(t, Country, 7)).toMatchObject([
      { object: `Below:${key}`, action: 'update', old: { address_country: 7 }, new: { address_country: null } },
      { object: 'Country:7' },
    ]);
    await t.forget();
    expect(await removeOne(t, Top, '2')).toMatchObject([
      { object: `Below:${key}`, action: 'update', old: { byCode: 'd' }, new: { byCode: null } },
      { object: 'Top:2' },
    ]);
  } finally {
    await t.close();
  }
});

class Order {
  id!: number;
  products = new Collection<Product>(this);
}

class Product {
  id!: number;
}

/** A pivot table that is an entity. */
class Item {
  order!: Order;
  product!: Product;
  amount!: number;
}

it('records links whose rows are those of a pivot entity', async () => {
  const t = await createOrm([
    defineEntity({
      class: Order,
      properties: { id: id(), products: () => p.manyToMany(Product).pivotEntity(() => Item as never) },
    }),
    defineEntity({ class: Product, properties: { id: id() } }),
    defineEntity({
      class: Item,
      properties: {
        order: () => p.manyToOne(Order).primary(),
        product: () => p.manyToOne(Product).primary(),
        amount: p.integer().default(1),
      },
    }),
  ]);
  try {
    await t.database.query(`insert into "order" values (1), (2); insert into product values (1), (2);
      insert into item (order_id, product_id, amount) values (1, 1, 5), (1, 2, 6), (2, 1, 7)`);
    // whether the row of the pivot entity is recorded, too, is what tracking says of pivot entities
    const told = (await removeOne(t, Product, 1)) as { object: string }[];
    expect(told.filter(({ object }) => !object.startsWith('Item'))).toEqual([
      { object: 'Order:1', action: 'update', old: {}, new: { products: { added: [], removed: [1] } } },
      { object: 'Order:2', action: 'update', old: {}, new: { products: { added: [], removed: [1] } } },
      { object: 'Product:1', action: 'delete', old: {}, new: null },
    ]);
  } finally {
    await t.close();
  }
});

class Tenant {
  id!: number;
}

class Account {
  id!: number;
  tenant!: Tenant;
}

class Log {
  id!: number;
  account!: Account | null;
}

it('looks in the schemas that the rows are in', async () => {
  const t = await createOrm([
    defineEntity({ class: Tenant, schema: 'registry', properties: { id: id() } }),
    defineEntity({
      class: Account,
      schema: 'accounts',
      properties: { id: id(), tenant: () => p.manyToOne(Tenant).deleteRule('cascade') },
    }),
    defineEntity({ class: Log, properties: { id: id(), account: () => p.manyToOne(Account).nullable() } }),
  ]);
  try {
    await t.database.query(`insert into registry.tenant values (1), (2);
      insert into accounts.account values (1, 1), (2, 2); insert into log values (1, 1), (2, 2)`);
    expect(await removeOne(t, Tenant, 1)).toEqual([
      { object: 'Account:1', action: 'delete', old: { tenant: 1 }, new: null },
      { object: 'Log:1', action: 'update', old: { account: 1 }, new: { account: null } },
      { object: 'Tenant:1', action: 'delete', old: {}, new: null },
    ]);
  } finally {
    await t.close();
  }
});

class Shop {
  id!: number;
}

class Sale {
  id!: number;
  shop!: Shop;
}

it('keeps the schemas of tenants apart', async () => {
  const t = await createOrm(
    [
      defineEntity({ class: Shop, schema: '*', properties: { id: id() } }),
      defineEntity({
        class: Sale,
        schema: '*',
        properties: { id: id(), shop: () => p.manyToOne(Shop).deleteRule('cascade') },
      }),
    ],
    { config: { schema: 'public' } },
  );
  try {
    for (const tenant of ['north', 'south']) {
      await t.orm.schema.create({ schema: tenant }).catch(() => undefined);
      await t.database
        .query(`create schema if not exists ${tenant}; create table if not exists ${tenant}.shop (id int primary key);
        create table if not exists ${tenant}.sale (id int primary key, shop_id int references ${tenant}.shop on delete cascade);
        insert into ${tenant}.shop values (1); insert into ${tenant}.sale values (${tenant === 'north' ? 10 : 20}, 1)`);
    }
    const em = t.orm.em.fork({ schema: 'south' });
    await em.remove(await em.findOneOrFail(Shop, 1)).flush();
    expect((await t.deltas()).map(delta => delta.object)).toEqual(['Shop@south:1', 'Sale@south:20']);
  } finally {
    await t.close();
  }
});

class Room {
  number!: number;
  house!: House;
}

class House {
  street!: string;
  number!: number;
}

class Bed {
  id!: number;
  room!: Room | null;
  owner!: Room | null;
}

it('follows keys of keys, also where handlers do it', async () => {
  const t = await createOrm([
    defineEntity({ class: House, properties: { street: p.string().primary(), number: p.integer().primary() } }),
    defineEntity({
      class: Room,
      revy: { onDelete: { house: CASCADE } },
      properties: {
        house: () => p.manyToOne(House).primary().deleteRule('no action'),
        number: p.integer().primary(),
      },
    }),
    defineEntity({
      class: Bed,
      revy: { onDelete: { owner: SET_NULL } },
      properties: {
        id: id(),
        room: () => p.manyToOne(Room).nullable(),
        owner: () => p.manyToOne(Room).nullable().deleteRule('no action'),
      },
    }),
  ]);
  try {
    await t.database.query(`insert into house (street, number) values ('a', 1), ('b', 1);
      insert into room (house_street, house_number, number) values ('a', 1, 1), ('a', 1, 2), ('b', 1, 1);
      insert into bed (id, room_house_street, room_house_number, room_number, owner_house_street, owner_house_number, owner_number)
        values (1, 'a', 1, 1, 'a', 1, 2), (2, 'b', 1, 1, 'a', 1, 1)`);
    expect(await removeOne(t, House, { street: 'a', number: 1 })).toEqual([
      {
        object: 'Bed:1',
        action: 'update',
        old: { room: ['a', 1, 1], owner: ['a', 1, 2] },
        new: { room: null, owner: null },
      },
      { object: 'Bed:2', action: 'update', old: { owner: ['a', 1, 1] }, new: { owner: null } },
      { object: 'House:["a",1]', action: 'delete', old: {}, new: null },
      { object: 'Room:["a",1,1]', action: 'delete', old: {}, new: null },
      { object: 'Room:["a",1,2]', action: 'delete', old: {}, new: null },
    ]);
    expect(await t.database.query('select * from room')).toEqual([{ house_street: 'b', house_number: 1, number: 1 }]);
  } finally {
    await t.close();
  }
});

class Place {
  id!: number;
}

abstract class Pet {
  id!: number;
  kind!: string;
  home!: Place;
}

class Bird extends Pet {
  size!: number;
  visits!: Place | null;
}

class Fish extends Pet {
  size!: string;
  visits!: Place | null;
}

it('reads columns that classes of one table have under one name', async () => {
  const PetSchema = defineEntity({
    class: Pet,
    abstract: true,
    discriminatorColumn: 'kind',
    properties: { id: id(), kind: p.string(), home: () => p.manyToOne(Place).deleteRule('cascade') },
  });
  const t = await createOrm([
    defineEntity({ class: Place, properties: { id: id() } }),
    PetSchema,
    defineEntity({
      class: Bird,
      extends: PetSchema,
      discriminatorValue: 'bird',
      properties: {
        size: p.integer().fieldName('bird_size'),
        visits: () => p.manyToOne(Place).nullable().fieldName('bird_visits'),
      },
    }),
    defineEntity({
      class: Fish,
      extends: PetSchema,
      discriminatorValue: 'fish',
      properties: {
        size: p.string().fieldName('fish_size'),
        visits: () => p.manyToOne(Place).nullable().fieldName('fish_visits'),
      },
    }),
  ]);
  try {
    await t.database.query(`insert into place values (1), (2);
      insert into pet (id, kind, home_id, bird_size, bird_visits, fish_size, fish_visits) values
        (1, 'bird', 1, 5, null, null, null), (2, 'fish', 1, null, null, 'big', 2), (3, 'fish', 2, null, null, 's', 1),
        (4, 'bird', 2, 7, 1, null, null)`);
    expect(await removeOne(t, Place, 1)).toEqual([
      { object: 'Bird:1', action: 'delete', old: { home: 1, size: 5, visits: null }, new: null },
      { object: 'Bird:4', action: 'update', old: { visits: 1 }, new: { visits: null } },
      { object: 'Fish:2', action: 'delete', old: { home: 1, size: 'big', visits: 2 }, new: null },
      { object: 'Fish:3', action: 'update', old: { visits: 1 }, new: { visits: null } },
      { object: 'Place:1', action: 'delete', old: {}, new: null },
    ]);
  } finally {
    await t.close();
  }
});
