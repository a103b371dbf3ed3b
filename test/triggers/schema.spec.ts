import { defineEntity, type EntitySchema, MikroORM, p, Type } from '@mikro-orm/postgresql';
import { type EntityManager as PGliteManager, MikroORM as PGliteORM } from '@mikro-orm/pglite';
import { revy } from '@revy/mikro-orm';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { ACCOUNTS, Tag } from './account.js';

const plant = (properties: object, triggers = true) =>
  defineEntity({
    name: 'Plant',
    revy: { triggers },
    properties: { id: p.integer().primary(), name: p.string(), ...properties },
  });

describe('triggers in the schema', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createDatabase();
  });
  afterEach(() => database.drop());

  async function withPlant<R>(schema: ReturnType<typeof plant>, work: (orm: MikroORM) => Promise<R>): Promise<R> {
    const orm = await MikroORM.init({ clientUrl: database.url, entities: [schema], extensions: [revy()] });
    try {
      return await work(orm);
    } finally {
      await orm.close(true);
    }
  }

  const update = (schema: ReturnType<typeof plant>) => withPlant(schema, orm => orm.schema.update());
  const functions = () => database.query(`select proname from pg_proc where proname like '%revy%'`);
  const news = () => database.query('select new_values as new from revy_object_delta order by id');

  it('N5: are made with the table, follow its columns, and go when they are not asked for', async () => {
    await update(plant({}));
    await database.query(`insert into plant values (1, 'fern')`);
    await update(plant({ height: p.integer().nullable() }));
    expect(await functions()).toHaveLength(1);
    await database.query('update plant set height = 4');
    expect(await news()).toEqual([{ new: { name: 'fern' } }, { new: { height: 4 } }]);
    await update(plant({ height: p.integer().nullable() }, false));
    expect(await functions()).toEqual([]);
    await database.query('update plant set height = 5');
    expect(await news()).toHaveLength(2);
  });

  it('are no change of the schema once they are there, and come back with the table', async () => {
    await update(plant({}));
    expect(await withPlant(plant({}), orm => orm.schema.getUpdateSchemaSQL())).toBe('');
    await withPlant(plant({}), orm => orm.schema.refresh());
    await database.query(`insert into plant values (1, 'fern')`);
    expect(await news()).toEqual([{ new: { name: 'fern' } }]);
  });

  it('work whatever the search path of a writer is', async () => {
    await update(plant({}));
    await database.query(
      `set search_path to pg_catalog; insert into public.plant values (1, 'fern'); reset search_path`,
    );
    expect(await news()).toEqual([{ new: { name: 'fern' } }]);
  });
});

describe('what they record of', () => {
  let t: TestOrm;
  afterEach(() => t.close());

  async function start(...entities: Parameters<typeof createOrm>[0] & object[]): Promise<void> {
    t = await createOrm(entities as never);
  }

  const deltas = async () =>
    (await t.deltas()).map(({ action, object, old, new: after }) => [action, object, old, after]);

  it('single-table inheritance is each row by its class', async () => {
    const Animal = defineEntity({
      name: 'Animal',
      discriminatorColumn: 'kind',
      abstract: true,
      properties: { id: p.integer().primary(), kind: p.enum(['cat', 'dog'] as const), name: p.string() },
    });
    const Cat = defineEntity({
      name: 'Cat',
      discriminatorValue: 'cat',
      extends: Animal,
      revy: { triggers: true },
      properties: { lives: p.integer().nullable() },
    });
    const Dog = defineEntity({
      name: 'Dog',
      discriminatorValue: 'dog',
      extends: Animal,
      revy: { as: 'Hound' },
      properties: { tricks: p.integer().nullable() },
    });
    await start(Animal, Cat, Dog);
    await t.database.query(
      `insert into animal (id, kind, name, lives, tricks) values (1, 'cat', 'Tom', 9, null), (2, 'dog', 'Rex', null, 3)`,
    );
    await t.database.query(`update animal set lives = 8 where id = 1`);
    expect(await deltas()).toEqual([
      ['create', 'Cat:1', null, { name: 'Tom', lives: 9 }],
      ['create', 'Hound:2', null, { name: 'Rex', tricks: 3 }],
      ['update', 'Cat:1', { lives: 9 }, { lives: 8 }],
    ]);
  });

  it('a table of links that is an entity itself is the links and the entity', async () => {
    const properties = { id: p.integer().primary() };
    const Song = defineEntity({ name: 'Song', properties });
    const List = defineEntity({
      name: 'List',
      revy: { triggers: true },
      properties: { ...properties, songs: () => p.manyToMany(Song).pivotEntity(() => Entry) },
    });
    const Entry = defineEntity({
      name: 'Entry',
      revy: { triggers: true },
      properties: {
        list: () => p.manyToOne(List).primary(),
        song: () => p.manyToOne(Song).primary(),
        note: p.string().nullable(),
      },
    });
    await start(Song, List, Entry);
    await t.database.query('insert into song values (7); insert into list values (1)');
    await t.forget();
    await t.database.query(`insert into entry (list_id, song_id, note) values (1, 7, 'x')`);
    const [entry] = await t.database.query(
      `select new_values ->> 'note' as note from revy_object_delta where object_type = 'Entry'`,
    );
    const [list] = await t.database.query(`select new_values as new from revy_object_delta where object_type = 'List'`);
    expect([entry, list]).toEqual([{ note: 'x' }, { new: { songs: { added: [7], removed: [] } } }]);
    expect(await deltas()).toHaveLength(2);
  });

  it('composite keys, and many kinds of values, is what a flush records of them', async () => {
    const Thing = defineEntity({
      name: 'Thing',
      revy: { triggers: true, exclude: ['note'] },
      properties: {
        part: p.string().primary(),
        at: p.datetime().primary(),
        big: p.bigint(),
        price: p.decimal().precision(10).scale(2),
        ratio: p.double(),
        on: p.boolean(),
        list: p.array(),
        data: p.json(),
        bytes: p.blob(),
        day: p.date(),
        note: p.string().nullable(),
      },
    });
    await start(Thing);
    const at = new Date('2020-01-02T03:04:05Z');
    const values = {
      big: 2n ** 60n,
      price: '1.50',
      ratio: -0.1,
      on: true,
      list: ['a,b', ''],
      data: { b: [1, null] },
      bytes: Buffer.from('\0x'),
      day: '2020-02-29',
    };
    const em = t.orm.em.fork();
    em.create(Thing, { part: `"q'\\`, at, ...values } as never, { persist: true });
    await em.flush();
    await t.database.query(
      `insert into thing select 'other', at, big, price, ratio, "on", list, data, bytes, day, 'x' from thing`,
    );
    await t.database.query(`update thing set note = 'y'`);
    const [flushed, triggered, ...more] = await t.deltas();
    expect(triggered).toEqual({ ...flushed, revision: 2, object: triggered!.object });
    expect([flushed!.object, triggered!.object]).toEqual([
      `Thing:["\\"q'\\\\","2020-01-02T03:04:05.000Z"]`,
      'Thing:["other","2020-01-02T03:04:05.000Z"]',
    ]);
    expect(more).toEqual([]);
  });
});

it('they work on PGlite', async () => {
  const orm = await PGliteORM.init({ dbName: 'memory://', entities: ACCOUNTS, extensions: [revy()] });
  try {
    await orm.schema.create();
    const em = orm.em.fork() as PGliteManager;
    em.create(Tag, { id: 7, name: 'seven' }, { persist: true });
    await em.flush();
    await em.transactional(async inner => {
      await inner.execute(`insert into account (id, name) values (1, 'Ann')`);
      await inner.execute('insert into account_tags values (1, 7)');
    });
    const rows = await em.execute(
      `select action, new_values ->> 'name' as name, new_values -> 'tags' as tags from revy_object_delta where object_type = 'Account'`,
    );
    expect(rows).toEqual([{ action: 'create', name: 'Ann', tags: { added: [7], removed: [] } }]);
  } finally {
    await orm.close(true);
  }
});

describe('triggers are refused', () => {
  it.each<[string, object, string]>([
    [
      'where only JavaScript reads a value',
      {
        size: p.string().type(
          class Size extends Type<string, string> {
            override convertToJSValueSQL(key: string) {
              return key;
            }
          },
        ),
      },
      'only JavaScript can read "size" (text). Exclude "size" from the history',
    ],
    [
      'where only JavaScript reads the key',
      { id: p.double().primary() },
      'only JavaScript can read its key. Use a key of text or whole numbers',
    ],
  ])('%s', async (_, properties, why) => {
    const database = await createDatabase();
    const options = { clientUrl: database.url, entities: [plant(properties)], extensions: [revy()] };
    await expect(MikroORM.init(options)).rejects.toThrow(
      `Cannot record Plant by triggers: ${why}, or leave out triggers: true.`,
    );
    await database.drop();
  });

  it('for rows in several tables, in any schema, and links that keep an order', async () => {
    const database = await createDatabase();
    const init = (...entities: EntitySchema[]) =>
      MikroORM.init({ clientUrl: database.url, entities, extensions: [revy()] });
    const properties = { id: p.integer().primary() };
    const Vehicle = defineEntity({ name: 'Vehicle', inheritance: 'tpt', properties });
    const Car = defineEntity({
      name: 'Car',
      extends: Vehicle,
      revy: { triggers: true },
      properties: { doors: p.integer() },
    });
    const Tenant = defineEntity({ name: 'Tenant', schema: '*', revy: { triggers: true }, properties });
    const Track = defineEntity({ name: 'Track', properties });
    const Album = defineEntity({
      name: 'Album',
      revy: { triggers: true },
      properties: { ...properties, tracks: () => p.manyToMany(Track).fixedOrder() },
    });
    await expect(init(Vehicle, Car)).rejects.toThrow('its rows lie in several tables. Use single-table inheritance');
    await expect(init(Tenant)).rejects.toThrow('its rows may lie in any schema. Give the class a schema');
    await expect(init(Album, Track)).rejects.toThrow('"tracks" keeps an order. Exclude "tracks"');
    await database.drop();
  });
});
