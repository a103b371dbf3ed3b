import { defineEntity, p, raw } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { RevisionContext } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';

const Item = defineEntity({
  name: 'Item',
  properties: {
    id: p.integer().primary().autoincrement(),
    shop: p.integer(),
    sku: p.string().nullable(),
    name: p.string(),
    stock: p.integer().default(0),
    madeAt: p.string().onCreate(() => 'made'),
  },
  uniques: [{ properties: ['shop', 'sku'] }],
});

const Setting = defineEntity({
  name: 'Setting',
  properties: {
    id: p.uuid().primary().defaultRaw('gen_random_uuid()'),
    key: p.string().unique(),
    value: p.string().nullable(),
  },
});

let t: TestOrm;

beforeAll(async () => {
  t = await createOrm([Item, Setting]);
  await t.database.query('create unique index on setting (lower(key))');
});

afterAll(async () => t.close());

beforeEach(async () => {
  await t.database.query('truncate item, setting restart identity');
  await t.database.query(`insert into item (shop, sku, name, stock, made_at) values (1, 'a', 'A', 5, 'old')`);
  await t.database.query(`insert into setting (id, key, value)
    values ('00000000-0000-0000-0000-000000000001', 'color', 'red')`);
  await t.forget();
});

async function objects(): Promise<object[]> {
  return (await t.deltas()).map(({ object, action, old, new: now }) => ({ object, action, old, new: now }));
}

const KEY = 'Setting:00000000-0000-0000-0000-000000000001';

describe('an upsert', () => {
  it.each<[string, (em: EntityManager) => Promise<unknown>, object[]]>([
    ['P3: that changes nothing records nothing', em => em.upsert(Setting, { key: 'color', value: 'red' }), []],
    [
      'P3, P4: that changes a value records an update',
      em => em.upsert(Setting, { key: 'color', value: 'blue' }),
      [{ object: KEY, action: 'update', old: { value: 'red' }, new: { value: 'blue' } }],
    ],
    [
      'P3, P5: that is told to ignore conflicts records nothing',
      em => em.upsert(Setting, { key: 'color', value: 'blue' }, { onConflictAction: 'ignore' }),
      [],
    ],
    [
      'with onConflictFields of several columns looks for all of them',
      em =>
        em.upsertMany(
          Item,
          [
            { shop: 1, sku: 'a', name: 'AA', stock: 5 },
            { shop: 2, sku: 'a', name: 'B', stock: 1 },
          ],
          { onConflictFields: ['shop', 'sku'] },
        ),
      [
        { object: 'Item:1', action: 'update', old: { name: 'A' }, new: { name: 'AA' } },
        {
          object: 'Item:3',
          action: 'create',
          old: null,
          new: { shop: 2, sku: 'a', name: 'B', stock: 1, madeAt: 'made' },
        },
      ],
    ],
    [
      'with onConflictMergeFields records what was merged',
      em =>
        em.upsert(
          Item,
          { shop: 1, sku: 'a', name: 'AA', stock: 9 },
          { onConflictFields: ['shop', 'sku'], onConflictMergeFields: ['stock'] },
        ),
      [{ object: 'Item:1', action: 'update', old: { stock: 5 }, new: { stock: 9 } }],
    ],
    [
      'with onConflictExcludeFields records the rest',
      em =>
        em.upsert(
          Item,
          { shop: 1, sku: 'a', name: 'AA', stock: 9 },
          { onConflictFields: ['shop', 'sku'], onConflictExcludeFields: ['stock'] },
        ),
      [{ object: 'Item:1', action: 'update', old: { name: 'A' }, new: { name: 'AA' } }],
    ],
    [
      'with onConflictWhere that fails records nothing',
      em =>
        em.upsert(
          Setting,
          { key: 'color', value: 'blue' },
          { onConflictFields: ['key'], onConflictWhere: { value: 'green' } as never },
        ),
      [],
    ],
    [
      'by the primary key records an update',
      em => em.upsert(Item, { id: 1, shop: 1, sku: 'a', name: 'AAA', stock: 5, madeAt: 'old' }),
      [{ object: 'Item:1', action: 'update', old: { name: 'A' }, new: { name: 'AAA' } }],
    ],
    [
      'P4: of null in a conflict field records a create, found by the key that comes back',
      em => em.upsert(Item, { shop: 1, sku: null, name: 'N', stock: 1 }, { onConflictFields: ['shop', 'sku'] }),
      [
        {
          object: 'Item:2',
          action: 'create',
          old: null,
          new: { shop: 1, sku: null, name: 'N', stock: 1, madeAt: 'made' },
        },
      ],
    ],
    [
      'on an expression is told apart too',
      em =>
        em.upsertMany(
          Setting,
          [
            { key: 'COLOR', value: 'blue' },
            { id: '00000000-0000-0000-0000-000000000002', key: 'size', value: 'xl' },
          ] as never,
          { onConflictFields: raw('(lower(key))') as never, onConflictMergeFields: ['value'] },
        ),
      [
        {
          object: 'Setting:00000000-0000-0000-0000-000000000002',
          action: 'create',
          old: null,
          new: { key: 'size', value: 'xl' },
        },
        { object: KEY, action: 'update', old: { value: 'red' }, new: { value: 'blue' } },
      ],
    ],
    [
      'that changes the key records that one object became another',
      em =>
        em.upsert(
          Setting,
          { id: '00000000-0000-0000-0000-000000000009', key: 'color', value: 'red' },
          { onConflictFields: ['key'] },
        ),
      [
        { object: KEY, action: 'delete', old: { key: 'color', value: 'red' }, new: null },
        {
          object: 'Setting:00000000-0000-0000-0000-000000000009',
          action: 'create',
          old: null,
          new: { key: 'color', value: 'red' },
        },
      ],
    ],
  ])('%s', async (_title, run, expected) => {
    await run(t.orm.em.fork()).catch(error => {
      throw error;
    });
    const byObject = (a: object, b: object) => JSON.stringify(a).localeCompare(JSON.stringify(b));
    expect((await objects()).toSorted(byObject)).toEqual(expected.toSorted(byObject));
  });

  it('of a managed entity is recorded, and its flush has nothing to add', async () => {
    const em = t.orm.em.fork();
    const setting = await em.findOneOrFail(Setting, { key: 'color' });
    await RevisionContext.run({ objectDeltaDescription: 'by upsert' }, async () => {
      setting.value = 'blue';
      await em.upsert(setting);
    });
    await em.flush();
    expect((await t.deltas()).map(({ object, new: now, description }) => ({ object, now, description }))).toEqual([
      { object: KEY, now: { value: 'blue' }, description: 'by upsert' },
    ]);
  });

  it('of a managed entity is left to the flush, and to whoever changed it, where upsertManaged is off', async () => {
    const em = t.orm.em.fork();
    t.orm.config.set('upsertManaged', false);
    const setting = await em.findOneOrFail(Setting, { key: 'color' });
    await RevisionContext.run({ objectDeltaDescription: 'by upsert' }, async () => {
      setting.value = 'blue';
      await em.upsert(setting);
    });
    t.orm.config.set('upsertManaged', true);
    expect(await t.deltas()).toEqual([]);
    await em.flush();
    expect((await t.attributes()).map(({ object, new: now, description }) => ({ object, now, description }))).toEqual([
      { object: KEY, now: 'blue', description: 'by upsert' },
    ]);
  });

  it('of an entity starts its attribution afresh', async () => {
    const em = t.orm.em.fork();
    const setting = await RevisionContext.run({ objectDeltaDescription: 'made' }, async () => {
      const made = em.create(Setting, { key: 'size', value: 's' }, { persist: false });
      made.value = 'm';
      await em.upsert(made);
      return made;
    });
    await RevisionContext.run({ objectDeltaDescription: 'changed' }, async () => {
      setting.value = 'l';
      await em.flush();
    });
    expect((await t.attributes()).map(({ attribute, new: now, description }) => [attribute, now, description])).toEqual(
      [
        ['key', 'size', 'made'],
        ['value', 'm', 'made'],
        ['value', 'l', 'changed'],
      ],
    );
  });

  it('in a savepoint tells an insert from an ignored row', async () => {
    await t.orm.em.fork().transactional(async em => {
      await em.transactional(async inner => {
        await inner.upsertMany(
          Setting,
          [
            { key: 'color', value: 'x' },
            { key: 'size', value: 's' },
          ],
          { onConflictAction: 'ignore' },
        );
      });
    });
    expect((await objects()).map(delta => Object.values(delta).slice(1))).toEqual([
      ['create', null, { key: 'size', value: 's' }],
    ]);
  });

  it.each(['merge', 'ignore'] as const)(
    'that meets a row which another transaction inserts meanwhile (%s) records only its own doing',
    async onConflictAction => {
      const [a, b] = [t.orm.em.fork(), t.orm.em.fork()];
      await a.begin();
      await a.insert(Setting, { key: 'size', value: 's' });
      await b.begin();
      const waiting = b.upsert(Setting, { key: 'size', value: 'xl' }, { onConflictAction });
      await new Promise(resolve => setTimeout(resolve, 200));
      await a.commit();
      await waiting;
      await b.commit();
      expect((await objects()).map(delta => Object.values(delta).slice(1))).toEqual([
        ['create', null, { key: 'size', value: 's' }],
        ...(onConflictAction === 'merge' ? [['update', { value: 's' }, { value: 'xl' }]] : []),
      ]);
    },
  );

  it('of many rows is one revision, though the ORM sends it in batches', async () => {
    const rows = Array.from({ length: 700 }, (_, i) => ({ key: `k${i}`, value: `${i}` }));
    await t.orm.em.fork().upsertMany(Setting, [{ key: 'color', value: 'red' }, ...rows]);
    expect(await t.revisions()).toHaveLength(1);
    expect((await t.deltas()).map(({ action, new: now }) => [action, now])).toEqual(rows.map(row => ['create', row]));
  });

  it('P5: of many rows of which some are there already, told to ignore them, records the others only', async () => {
    const rows = ['color', 'k1', 'color2', 'k1', 'k2'].map((key, index) => ({ key, value: `v${index}` }));
    const unique = rows.filter(({ key }, index) => rows.findIndex(row => row.key === key) === index);
    await t.orm.em.fork().insert(Setting, { key: 'k2', value: 'before' });
    await t.forget();
    await t.orm.em.fork().upsertMany(Setting, rows, { onConflictAction: 'ignore' });
    expect((await t.deltas()).map(({ action, new: now }) => [action, now])).toEqual(
      unique.filter(({ key }) => key !== 'color' && key !== 'k2').map(row => ['create', row]),
    );
    expect(await t.database.query('select key, value from setting order by key')).toEqual([
      { key: 'color', value: 'red' },
      { key: 'color2', value: 'v2' },
      { key: 'k1', value: 'v1' },
      { key: 'k2', value: 'before' },
    ]);
  });
});
