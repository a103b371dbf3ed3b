import { type Constructor, defineEntity, type EventArgs, p, raw, sql, wrap } from '@mikro-orm/core';
import { RevisionContext, SystemActor } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { empty, Lives, summary } from './lives.js';

// Columns that the database, the ORM or nobody fills.

class Counted {
  id!: number;
  name!: string;
  version!: number;
}

class Dated {
  id!: number;
  name!: string;
  version!: Date;
}

class Token {
  id!: string;
  name!: string;
  made!: Date;
  serial!: number;
  kind!: string;
  flags!: string[];
  meta!: { a: number };
  nothing!: string | null;
}

class Sum {
  id!: number;
  net!: number;
  tax!: number | null;
  /** Computed by the database. */
  gross!: number;
  label!: string | null;
  /** Computed when it is read. */
  double!: number;
  /** Kept in memory only. */
  note!: string | undefined;

  get title(): string {
    return `Sum of ${this.net}`;
  }
}

class Stamped {
  id!: number;
  name!: string;
  createdAt!: Date;
  updatedAt!: Date;
  changes!: number;
  slug!: string | null;
}

/** Every update changes the tag, and is refused if the row has another one by then. */
class Tagged {
  id!: number;
  name!: string;
  etag!: string;
}

const noon = new Date('2026-02-03T12:00:00.000Z');
const id = p.integer().primary().autoincrement();

const Schemas = [
  defineEntity({ class: Counted, properties: { id, name: p.string(), version: p.integer().version() } }),
  defineEntity({ class: Dated, properties: { id, name: p.string(), version: p.datetime(3).version() } }),
  defineEntity({
    class: Token,
    properties: {
      id: p.uuid().primary().defaultRaw('gen_random_uuid()'),
      name: p.string(),
      made: p.datetime(3).defaultRaw(`timestamptz '2026-01-01 00:00:00+00'`),
      serial: p.integer().defaultRaw('40 + 2'),
      kind: p.string().default('plain'),
      flags: p.array().defaultRaw(`'{a,b}'`),
      meta: p.json<{ a: number }>().defaultRaw(`'{"a": 1}'`),
      nothing: p.string().defaultRaw('null').nullable(),
    },
  }),
  defineEntity({
    class: Sum,
    properties: {
      id,
      net: p.integer(),
      tax: p.integer().nullable(),
      gross: p.integer().generated('(net + coalesce(tax, 0)) stored'),
      label: p.string().generated(`(case when net > 0 then 'sum ' || net::text end) stored`).nullable(),
      double: p.integer().formula('net * 2').persist(false),
      note: p.string().persist(false).nullable(),
      title: p.string().persist(false).getter(),
    },
  } as never),
  defineEntity({
    class: Stamped,
    properties: {
      id,
      name: p.string(),
      createdAt: p.datetime(3).onCreate(() => noon),
      updatedAt: p
        .datetime(3)
        .onCreate(() => noon)
        .onUpdate((entity: Stamped) => new Date(entity.updatedAt.getTime() + 1000)),
      changes: p
        .integer()
        .onCreate(() => 0)
        .onUpdate((entity: Stamped) => (entity.changes ?? 0) + 1),
      slug: p
        .string()
        .nullable()
        .onUpdate((entity: Stamped) => entity.name.toLowerCase()),
    },
  } as never),
  defineEntity({ class: Tagged, properties: { id, name: p.string(), etag: p.string().concurrencyCheck() } }),
];

let test: TestOrm;
let lives: Lives;
beforeAll(async () => {
  test = await createOrm(Schemas as never);
});
afterAll(() => test.close());
beforeEach(async () => {
  await empty(test);
  lives = new Lives(test, [Counted, Dated, Token, Sum, Stamped, Tagged], {
    unknown: { Counted: ['version'], Dated: ['version'] },
  });
});

describe('A17: the version column', () => {
  it.each([Counted, Dated] as Constructor<Counted | Dated>[])(
    'of %p is no history, and works as ever',
    async entity => {
      const em = test.orm.em.fork();
      const row = em.create(entity, { name: 'a' } as never) as Counted;
      await lives.flush(em);
      for (const name of ['b', 'c']) {
        row.name = name;
        await lives.flush(em);
      }
      const other = test.orm.em.fork();
      const stale = (await other.findOneOrFail(entity, row.id)) as Counted;
      em.remove(row);
      await lives.flush(em);
      stale.name = 'late';
      await expect(other.flush()).rejects.toThrow(/optimistic lock/i);
      expect((await summary(test)).map(line => (line as unknown[]).slice(2))).toEqual([
        [null, { name: 'a' }],
        [{ name: 'a' }, { name: 'b' }],
        [{ name: 'b' }, { name: 'c' }],
        [{ name: 'c' }, null],
      ]);
      expect(await lives.shown()).toStrictEqual(lives.seen);
    },
  );

  it('A7: that alone is raised records nothing', async () => {
    const em = test.orm.em.fork();
    const row = em.create(Counted, { name: 'a' } as never);
    await em.flush();
    const before = (await test.revisions()).length;
    await test.orm.em.fork().nativeUpdate(Counted, { id: row.id }, { version: raw('version + 1') } as never);
    expect(await test.revisions()).toHaveLength(before);
  });
});

describe('A16: what the database fills in', () => {
  it('stands in the create: a uuid as the key, dates, numbers, text, lists and JSON', async () => {
    const em = test.orm.em.fork();
    const token = em.create(Token, { name: 'a' } as never) as Token;
    await lives.flush(em);
    expect(token.id).toMatch(/^[0-9a-f-]{36}$/);
    const filled = { name: 'a', made: '2026-01-01T00:00:00.000Z', serial: 42, kind: 'plain', nothing: null };
    expect(await summary(test)).toEqual([
      ['create', `Token:${token.id}`, null, { ...filled, flags: ['a', 'b'], meta: { a: 1 } }],
    ]);
    token.flags = [];
    token.meta = { a: 2 };
    token.serial = 0;
    await lives.flush(em);
    em.remove(token);
    await lives.flush(em);
    const changed = { flags: [], meta: { a: 2 }, serial: 0 };
    expect((await summary(test)).slice(1)).toEqual([
      ['update', `Token:${token.id}`, { flags: ['a', 'b'], meta: { a: 1 }, serial: 42 }, changed],
      ['delete', `Token:${token.id}`, { ...filled, ...changed }, null],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('for each of many rows, of which some give values of their own', async () => {
    const em = test.orm.em.fork();
    const given = { made: noon, serial: 1, kind: 'own', flags: [], meta: { a: 9 }, nothing: 'x' };
    const tokens = [{}, given, { serial: 7 }].map(values =>
      em.create(Token, { name: 'n', ...values } as never),
    ) as Token[];
    await lives.flush(em);
    const news = new Map((await test.deltas()).map(row => [row.object, row.new]));
    const filled = {
      made: '2026-01-01T00:00:00.000Z',
      kind: 'plain',
      nothing: null,
      flags: ['a', 'b'],
      meta: { a: 1 },
    };
    expect(tokens.map(token => news.get(`Token:${token.id}`))).toEqual([
      { name: 'n', ...filled, serial: 42 },
      { name: 'n', ...given, made: noon.toISOString() },
      { name: 'n', ...filled, serial: 7 },
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('computed columns change with what they are computed from; formulas and what is not stored are no history', async () => {
    const em = test.orm.em.fork();
    const sum = em.create(Sum, { net: 10, tax: null, note: 'kept' } as never) as Sum;
    await lives.flush(em);
    sum.note = 'changed';
    await lives.flush(em);
    sum.tax = 2;
    await lives.flush(em);
    const other = test.orm.em.fork();
    const loaded = await other.findOneOrFail(Sum, sum.id);
    expect([loaded.double, loaded.gross, loaded.title]).toEqual([20, 12, 'Sum of 10']);
    loaded.net = -1;
    await lives.flush(other);
    const reference = test.orm.em.fork();
    reference.getReference(Sum, sum.id).net = 3;
    await lives.flush(reference);
    reference.remove(reference.getReference(Sum, sum.id));
    await lives.flush(reference);
    const object = `Sum:${sum.id}`;
    expect(await summary(test)).toEqual([
      ['create', object, null, { net: 10, tax: null, gross: 10, label: 'sum 10' }],
      ['update', object, { tax: null, gross: 10 }, { tax: 2, gross: 12 }],
      ['update', object, { net: 10, gross: 12, label: 'sum 10' }, { net: -1, gross: 1, label: null }],
      ['update', object, { net: -1, gross: 1, label: null }, { net: 3, gross: 5, label: 'sum 3' }],
      ['delete', object, { net: 3, tax: 2, gross: 5, label: 'sum 3' }, null],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('SQL expressions in creates and updates are recorded as what they came to', async () => {
    const em = test.orm.em.fork();
    const sum = em.create(Sum, { net: raw('2 * 21'), tax: sql`1 + ${1}` } as never) as Sum;
    await lives.flush(em);
    sum.net = raw('net - ?', [2]) as never;
    sum.tax = sql`tax * ${10}` as never;
    await lives.flush(em);
    wrap(sum).assign({ tax: raw('null') } as never);
    await lives.flush(em);
    const object = `Sum:${sum.id}`;
    expect(await summary(test)).toEqual([
      ['create', object, null, { net: 42, tax: 2, gross: 44, label: 'sum 42' }],
      [
        'update',
        object,
        { net: 42, tax: 2, gross: 44, label: 'sum 42' },
        { net: 40, tax: 20, gross: 60, label: 'sum 40' },
      ],
      ['update', object, { tax: 20, gross: 60 }, { tax: null, gross: 40 }],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('SQL expressions for several rows in one flush', async () => {
    const em = test.orm.em.fork();
    const sums = [1, 2, 3].map(net => em.create(Sum, { net, tax: 0 } as never)) as Sum[];
    await lives.flush(em);
    for (const sum of sums) sum.net = raw('net * 10') as never;
    await lives.flush(em);
    expect((await test.deltas()).slice(3).map(row => [row.old!['net'], row.new!['net'], row.new!['gross']])).toEqual([
      [1, 10, 10],
      [2, 20, 20],
      [3, 30, 30],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('SQL expressions by two actors: what was replaced before the flush has never come to anything', async () => {
    const em = test.orm.em.fork();
    const sum = em.create(Sum, { net: 1, tax: 1 } as never) as Sum;
    await em.flush();
    await test.forget();
    const as = (name: string, fn: () => void) => RevisionContext.run({ actor: new SystemActor(name) }, fn);
    as('ann', () => Object.assign(sum, { net: raw('net * 100'), tax: 5 }));
    as('bob', () => Object.assign(sum, { net: 7, tax: raw('tax * 100') }));
    await em.flush();
    const rows = (await test.attributes()).filter(row => row.attribute === 'net' || row.attribute === 'tax');
    expect(rows.map(row => [row.attribute, row.old, row.new, row.actor])).toEqual([
      ['net', 1, 7, 'system:bob'],
      ['tax', 1, 5, 'system:ann'],
      ['tax', 5, 100, 'system:bob'],
    ]);
  });

  it('SQL expressions that set a reference, and the native writes', async () => {
    const em = test.orm.em.fork();
    const sum = em.create(Sum, { net: 1, tax: 1 } as never) as Sum;
    await lives.flush(em);
    const other = test.orm.em.fork();
    other.getReference(Sum, sum.id).net = raw('net + 1') as never;
    await lives.flush(other);
    await other.nativeUpdate(Sum, { id: sum.id }, { tax: sql`tax + 5` } as never);
    await lives.look();
    const object = `Sum:${sum.id}`;
    expect((await summary(test)).slice(1)).toEqual([
      ['update', object, { net: 1, gross: 2, label: 'sum 1' }, { net: 2, gross: 3, label: 'sum 2' }],
      ['update', object, { tax: 1, gross: 3 }, { tax: 6, gross: 8 }],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });
});

describe('what the ORM fills in', () => {
  it('onCreate and onUpdate are recorded with what caused them, and cause nothing by themselves', async () => {
    const em = test.orm.em.fork();
    const row = em.create(Stamped, { name: 'One', slug: null } as never) as Stamped;
    await lives.flush(em);
    await lives.flush(em);
    row.name = 'Two';
    await lives.flush(em);
    const other = test.orm.em.fork();
    const loaded = await other.findOneOrFail(Stamped, row.id);
    loaded.name = 'Three';
    await lives.flush(other);
    const object = `Stamped:${row.id}`;
    const at = (seconds: number) => new Date(noon.getTime() + seconds * 1000).toISOString();
    expect(await summary(test)).toEqual([
      ['create', object, null, { name: 'One', createdAt: at(0), updatedAt: at(0), changes: 0, slug: null }],
      [
        'update',
        object,
        { name: 'One', updatedAt: at(0), changes: 0, slug: null },
        { name: 'Two', updatedAt: at(1), changes: 1, slug: 'two' },
      ],
      [
        'update',
        object,
        { name: 'Two', updatedAt: at(1), changes: 1, slug: 'two' },
        { name: 'Three', updatedAt: at(2), changes: 2, slug: 'three' },
      ],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('a column that is checked for changes is recorded as any other', async () => {
    const em = test.orm.em.fork();
    const row = em.create(Tagged, { name: 'One', etag: 'x' });
    await lives.flush(em);
    const other = test.orm.em.fork();
    const stale = await other.findOneOrFail(Tagged, row.id);
    Object.assign(row, { name: 'Two', etag: 'y' });
    await lives.flush(em);
    Object.assign(stale, { name: 'late', etag: 'z' });
    await expect(other.flush()).rejects.toThrow(/optimistic lock/i);
    expect(await summary(test)).toEqual([
      ['create', `Tagged:${row.id}`, null, { name: 'One', etag: 'x' }],
      ['update', `Tagged:${row.id}`, { name: 'One', etag: 'x' }, { name: 'Two', etag: 'y' }],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });
});

it('a subscriber that changes what is computed sees to its record', async () => {
  const before = ({ entity }: EventArgs<object>) => void Object.assign(entity, { tax: 100 });
  test.orm.em.getEventManager().registerSubscriber({ getSubscribedEntities: () => [Sum], beforeUpdate: before });
  const em = test.orm.em.fork();
  const sum = em.create(Sum, { net: 1, tax: 1 } as never) as Sum;
  await em.flush();
  sum.net = 2;
  await lives.flush(em);
  expect((await summary(test)).at(-1)).toEqual([
    'update',
    `Sum:${sum.id}`,
    { net: 1, tax: 1, gross: 2, label: 'sum 1' },
    { net: 2, tax: 100, gross: 102, label: 'sum 2' },
  ]);
  expect(await lives.shown()).toStrictEqual(lives.seen);
});
