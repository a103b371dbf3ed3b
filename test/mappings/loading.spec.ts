import { Collection, defineEntity, p, wrap } from '@mikro-orm/core';
import { createOrm, type TestOrm } from '../support/orm.js';
import { byContent } from '../support/order.js';
import { empty, Lives, summary } from './lives.js';

// However an object came into the entity manager, what is recorded of it is what happened to its row.

class Geo {
  lat!: number | null;
  lng!: number | null;
}

class Shop {
  id!: number;
  name!: string;
  notes!: string | null;
  meta!: Record<string, unknown> | null;
  place!: Geo | null;
  box!: Geo | null;
  parent!: Shop | null;
  shelves = new Collection<Shelf>(this);
  hours!: string[] | null;
}

class Shelf {
  id!: number;
  label!: string;
  shop!: Shop;
  goods = new Collection<Good>(this);
}

class Good {
  id!: number;
  name!: string;
  shelf!: Shelf | null;
}

const id = p.integer().primary().autoincrement();
const Schemas = [
  defineEntity({
    class: Geo,
    embeddable: true,
    properties: { lat: p.double().nullable(), lng: p.double().nullable() },
  }),
  defineEntity({
    class: Shop,
    properties: {
      id,
      name: p.string(),
      notes: p.text().nullable(),
      meta: p.json<Record<string, unknown>>().nullable(),
      place: () => p.embedded(Geo).nullable(),
      box: () => p.embedded(Geo).object().nullable(),
      parent: () => p.manyToOne(Shop).nullable(),
      shelves: () => p.oneToMany(Shelf).mappedBy('shop').orphanRemoval(),
      hours: p.array().nullable(),
    },
    filters: { open: { name: 'open', cond: { name: { $ne: 'closed' } }, default: true } },
  } as never),
  defineEntity({
    class: Shelf,
    properties: {
      id,
      label: p.string(),
      shop: () => p.manyToOne(Shop),
      goods: () => p.oneToMany(Good).mappedBy('shelf'),
    },
  }),
  defineEntity({ class: Good, properties: { id, name: p.string(), shelf: () => p.manyToOne(Shelf).nullable() } }),
];

let test: TestOrm;
let lives: Lives;
beforeAll(async () => {
  test = await createOrm(Schemas as never);
});
afterAll(() => test.close());
beforeEach(async () => {
  await empty(test);
  lives = new Lives(test, [Shop, Shelf, Good]);
});

const geo = (lat: number | null, lng: number | null): Geo => Object.assign(new Geo(), { lat, lng });
const FULL = { name: 'a', notes: 'n', meta: { a: 1 }, place: geo(1, 2), box: geo(3, 4), parent: null, hours: ['9'] };
const STORED = {
  name: 'a',
  notes: 'n',
  meta: { a: 1 },
  place_lat: 1,
  place_lng: 2,
  box: { lat: 3, lng: 4 },
  parent: null,
  hours: ['9'],
};

async function make(values: object = {}): Promise<number> {
  const em = test.orm.em.fork();
  const shop = em.create(Shop, { ...FULL, ...values } as never) as Shop;
  await lives.flush(em);
  return shop.id;
}

type Load = (em: TestOrm['orm']['em'], id: number) => Promise<Shop> | Shop;

const PARTS: Record<string, Load> = {
  'fields: a column': (em, shop) => em.findOneOrFail(Shop, shop, { fields: ['name'] as never }) as never,
  'fields: a part of an embeddable': (em, shop) =>
    em.findOneOrFail(Shop, shop, { fields: ['name', 'place.lat', 'box.lat'] as never }) as never,
  'fields: the key': (em, shop) => em.findOneOrFail(Shop, shop, { fields: ['id'] as never }) as never,
  'exclude: some columns': (em, shop) =>
    em.findOneOrFail(Shop, shop, { exclude: ['notes', 'meta', 'hours', 'box'] as never }) as never,
  'exclude: an embeddable': (em, shop) => em.findOneOrFail(Shop, shop, { exclude: ['place'] as never }) as never,
  'a reference': (em, shop) => em.getReference(Shop, shop),
  'a reference that is loaded in part later': async (em, shop) => {
    const reference = em.getReference(Shop, shop);
    await wrap(reference).init({ fields: ['name'] as never });
    return reference;
  },
  'twice in part': async (em, shop) => {
    await em.findOneOrFail(Shop, shop, { fields: ['notes'] as never });
    return em.findOneOrFail(Shop, shop, { fields: ['meta', 'hours'] as never }) as never;
  },
  'in part, and then all': async (em, shop) => {
    await em.findOneOrFail(Shop, shop, { fields: ['notes'] as never });
    return em.findOneOrFail(Shop, shop);
  },
  'from a stream': async (em, shop) => {
    for await (const found of em.stream(Shop, { where: { id: shop } as never })) return em.merge(found as Shop);
    throw new Error('not found');
  },
};

describe.each(Object.entries(PARTS))('loaded by %s', (_, load) => {
  it('every value that is overwritten has its true old value', async () => {
    const shop = await make();
    const em = test.orm.em.fork();
    const loaded = await load(em, shop);
    Object.assign(loaded, {
      name: 'b',
      notes: null,
      meta: { a: 2 },
      place: geo(5, 6),
      box: null,
      hours: [],
    });
    await lives.flush(em);
    const { parent: __, ...old } = STORED;
    expect((await summary(test)).slice(1)).toEqual([
      [
        'update',
        `Shop:${shop}`,
        old,
        { name: 'b', notes: null, meta: { a: 2 }, place_lat: 5, place_lng: 6, box: null, hours: [] },
      ],
    ]);
    em.remove(loaded);
    await lives.flush(em);
    expect((await summary(test)).slice(2)).toEqual([
      [
        'delete',
        `Shop:${shop}`,
        { name: 'b', notes: null, meta: { a: 2 }, place_lat: 5, place_lng: 6, box: null, hours: [], parent: null },
        null,
      ],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('what is set to what it is, is no change', async () => {
    const shop = await make();
    const em = test.orm.em.fork();
    Object.assign(await load(em, shop), { ...FULL, meta: { a: 1 }, place: geo(1, 2), box: geo(3, 4), hours: ['9'] });
    await lives.flush(em);
    expect((await summary(test)).slice(1)).toEqual([]);
  });

  it('what is removed has all of its values', async () => {
    const shop = await make();
    const em = test.orm.em.fork();
    em.remove(await load(em, shop));
    await lives.flush(em);
    expect((await summary(test)).slice(1)).toEqual([['delete', `Shop:${shop}`, STORED, null]]);
  });
});

it('filters of the application do not hide old values', async () => {
  const shop = await make({ name: 'closed' });
  const em = test.orm.em.fork();
  em.getReference(Shop, shop).notes = 'm';
  await lives.flush(em);
  em.remove(em.fork().getReference(Shop, shop));
  const other = test.orm.em.fork();
  other.remove(other.getReference(Shop, shop));
  await lives.flush(other);
  expect((await summary(test)).slice(1)).toEqual([
    ['update', `Shop:${shop}`, { notes: 'n' }, { notes: 'm' }],
    ['delete', `Shop:${shop}`, { ...STORED, name: 'closed', notes: 'm' }, null],
  ]);
  expect(await lives.shown()).toStrictEqual(lives.seen);
});

describe('refreshed, merged and assigned', () => {
  it('a refresh takes changes back: what is flushed then starts from the row', async () => {
    const shop = await make();
    const em = test.orm.em.fork();
    const loaded = await em.findOneOrFail(Shop, shop);
    loaded.name = 'lost';
    await test.database.query(`update shop set name = 'by others', notes = null where id = $1`, [shop]);
    await em.refresh(loaded);
    await em.flush();
    loaded.name = 'c';
    await lives.flush(em);
    expect((await summary(test)).slice(1)).toEqual([['update', `Shop:${shop}`, { name: 'by others' }, { name: 'c' }]]);
  });

  it('a find with refresh does the same', async () => {
    const shop = await make();
    const em = test.orm.em.fork();
    const loaded = await em.findOneOrFail(Shop, shop);
    loaded.name = 'lost';
    await test.database.query(`update shop set name = 'by others' where id = $1`, [shop]);
    await em.find(Shop, { id: shop }, { refresh: true });
    loaded.hours!.push('18');
    await em.flush();
    expect((await summary(test)).slice(1)).toEqual([
      ['update', `Shop:${shop}`, { hours: ['9'] }, { hours: ['9', '18'] }],
    ]);
  });

  it('entities that one entity manager hands to another', async () => {
    const shop = await make();
    const first = test.orm.em.fork();
    const loaded = await first.findOneOrFail(Shop, shop);
    const second = test.orm.em.fork();
    const merged = second.merge(loaded);
    merged.name = 'b';
    await lives.flush(second);
    expect((await summary(test)).slice(1)).toEqual([['update', `Shop:${shop}`, { name: 'a' }, { name: 'b' }]]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('merged data: what the data does not say is read, and what it says is taken for what was', async () => {
    const shop = await make();
    const em = test.orm.em.fork();
    const merged = em.merge(Shop, { id: shop, name: 'a' } as never) as unknown as Shop;
    Object.assign(merged, { name: 'b', notes: 'm' });
    await lives.flush(em);
    em.remove(merged);
    await lives.flush(em);
    expect((await summary(test)).slice(1)).toEqual([
      ['update', `Shop:${shop}`, { name: 'a', notes: 'n' }, { name: 'b', notes: 'm' }],
      ['delete', `Shop:${shop}`, { ...STORED, name: 'b', notes: 'm' }, null],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('em.assign with nested data: embeddables merged, relations made, collections replaced', async () => {
    const shop = await make();
    const em = test.orm.em.fork();
    const loaded = await em.findOneOrFail(Shop, shop, { populate: ['shelves'] as never });
    em.assign(loaded, {
      place: { lat: 7 },
      box: { lng: 8 },
      meta: { b: 2 },
      parent: { name: 'made', notes: null },
      shelves: [{ label: 'one', goods: [{ name: 'x' }] }, { label: 'two' }],
    } as never);
    await lives.flush(em);
    const parent = loaded.parent!.id;
    const [one, two] = loaded.shelves.getItems();
    expect((await summary(test)).slice(1).toSorted(byContent)).toEqual(
      [
        [
          'create',
          `Shop:${parent}`,
          null,
          {
            ...STORED,
            name: 'made',
            notes: null,
            meta: null,
            place_lat: null,
            place_lng: null,
            box: null,
            hours: null,
          },
        ],
        ['create', `Shelf:${one!.id}`, null, { label: 'one', shop }],
        ['create', `Shelf:${two!.id}`, null, { label: 'two', shop }],
        ['create', 'Good:1', null, { name: 'x', shelf: one!.id }],
        [
          'update',
          `Shop:${shop}`,
          { place_lat: 1, box: { lat: 3, lng: 4 }, meta: { a: 1 }, parent: null },
          { place_lat: 7, box: { lat: 3, lng: 8 }, meta: { b: 2 }, parent },
        ],
      ].toSorted(byContent),
    );
    const count = (await test.deltas()).length;
    em.assign(loaded, {
      parent: { id: parent, name: 'renamed' },
      shelves: [{ id: one!.id, label: 'uno' }],
    } as never);
    await lives.flush(em);
    expect((await summary(test)).slice(count).toSorted(byContent)).toEqual([
      ['delete', `Shelf:${two!.id}`, { label: 'two', shop }, null],
      ['update', `Shelf:${one!.id}`, { label: 'one' }, { label: 'uno' }],
      ['update', `Shop:${parent}`, { name: 'made' }, { name: 'renamed' }],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('em.create with nested data', async () => {
    const em = test.orm.em.fork();
    const shop = em.create(Shop, { ...FULL, shelves: [{ label: 'one', goods: [{ name: 'x' }] }] } as never) as Shop;
    await lives.flush(em);
    expect(await summary(test)).toEqual([
      ['create', `Shop:${shop.id}`, null, STORED],
      ['create', 'Shelf:1', null, { label: 'one', shop: shop.id }],
      ['create', 'Good:1', null, { name: 'x', shelf: 1 }],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('upsert with embeddables, JSON and relations says what it did, whatever it was given', async () => {
    const em = test.orm.em.fork();
    const parent = await make({ name: 'parent' });
    await em.upsert(Shop, { id: 50, ...FULL, parent } as never);
    await lives.look();
    await em.upsert(Shop, { id: 50, ...FULL, parent } as never);
    await lives.look();
    await em.upsert(Shop, { id: 50, ...FULL, place: geo(9, 2), meta: { a: [1] }, parent: null } as never);
    await lives.look();
    await em.upsertMany(Shop, [
      { id: 50, ...FULL, box: geo(null, null) },
      { id: 51, ...FULL, name: 'new' },
    ] as never);
    await lives.look();
    expect((await summary(test)).slice(1)).toEqual([
      ['create', 'Shop:50', null, { ...STORED, parent }],
      ['update', 'Shop:50', { place_lat: 1, meta: { a: 1 }, parent }, { place_lat: 9, meta: { a: [1] }, parent: null }],
      [
        'update',
        'Shop:50',
        { place_lat: 9, meta: { a: [1] }, box: { lat: 3, lng: 4 } },
        { place_lat: 1, meta: { a: 1 }, box: { lat: null, lng: null } },
      ],
      ['create', 'Shop:51', null, { ...STORED, name: 'new' }],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });
});

describe('changed natively by the entity manager that has it loaded', () => {
  it('the row is what is overwritten, and not the copy that the ORM still has', async () => {
    const shop = await make();
    const em = test.orm.em.fork();
    const loaded = await em.findOneOrFail(Shop, shop);
    await em.nativeUpdate(Shop, { id: shop }, { name: 'native', notes: null, hours: ['native'] });
    await lives.look();
    loaded.notes = 'flushed';
    await lives.flush(em);
    loaded.name = 'flushed';
    await lives.flush(em);
    em.remove(loaded);
    await lives.flush(em);
    expect((await summary(test)).slice(1)).toEqual([
      [
        'update',
        `Shop:${shop}`,
        { name: 'a', notes: 'n', hours: ['9'] },
        { name: 'native', notes: null, hours: ['native'] },
      ],
      ['update', `Shop:${shop}`, { notes: null }, { notes: 'flushed' }],
      ['update', `Shop:${shop}`, { name: 'native' }, { name: 'flushed' }],
      ['delete', `Shop:${shop}`, { ...STORED, name: 'flushed', notes: 'flushed', hours: ['native'] }, null],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('in one transaction, what is recorded goes from the row before it to the row after it', async () => {
    const shop = await make();
    await test.orm.em.fork().transactional(async em => {
      const loaded = await em.findOneOrFail(Shop, shop);
      await em.nativeUpdate(Shop, {}, { name: 'native', hours: [] });
      loaded.name = 'flushed';
      loaded.box!.lat = 9;
      await em.flush();
    });
    await lives.look();
    expect((await summary(test)).slice(1)).toEqual([
      [
        'update',
        `Shop:${shop}`,
        { name: 'a', box: { lat: 3, lng: 4 }, hours: ['9'] },
        { name: 'flushed', box: { lat: 9, lng: 4 }, hours: [] },
      ],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });
});

describe('outside the identity map', () => {
  it('what is loaded with disableIdentityMap, or streamed, belongs to nobody: its changes are not flushed, nor recorded', async () => {
    const shop = await make();
    const em = test.orm.em.fork();
    const [found] = await em.find(Shop, {}, { disableIdentityMap: true });
    found!.name = 'b';
    for await (const streamed of em.stream(Shop)) (streamed as Shop).name = 'c';
    await lives.flush(em);
    expect(await summary(test)).toHaveLength(1);
    expect(await test.database.query('select name from shop where id = $1', [shop])).toEqual([{ name: 'a' }]);
  });

  it('and is recorded once it is merged', async () => {
    const shop = await make();
    const em = test.orm.em.fork();
    const [found] = await em.find(Shop, {}, { disableIdentityMap: true });
    em.merge(found!);
    found!.name = 'b';
    await lives.flush(em);
    expect((await summary(test)).slice(1)).toEqual([['update', `Shop:${shop}`, { name: 'a' }, { name: 'b' }]]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });
});
