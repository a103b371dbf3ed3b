import { defineEntity, p, ref, type Ref, ScalarReference, wrap } from '@mikro-orm/core';
import { RevisionContext, SystemActor } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { empty, Lives, summary } from './lives.js';

class Writer {
  id!: number;
  name!: string;
}

class Essay {
  id!: number;
  title!: string;
  body!: string | null;
  summary!: Ref<string> | null;
  facts!: ScalarReference<{ a: number }> | null;
  cover!: Buffer | null;
  pages!: Ref<bigint> | null;
  writer!: Ref<Writer> | null;
  editor!: Writer | null;
}

const id = p.integer().primary().autoincrement();
const Schemas = [
  defineEntity({ class: Writer, properties: { id, name: p.string() } }),
  defineEntity({
    class: Essay,
    properties: {
      id,
      title: p.string(),
      body: p.text().lazy().nullable(),
      summary: p.text().lazy().ref().nullable(),
      facts: p.json().lazy().ref().nullable(),
      cover: p.blob().lazy().nullable(),
      pages: p.bigint().lazy().ref().nullable(),
      writer: () => p.manyToOne(Writer).ref().nullable(),
      editor: () => p.manyToOne(Writer).eager().nullable(),
    },
  } as never),
];

let test: TestOrm;
let lives: Lives;
let writer: number;
beforeAll(async () => {
  test = await createOrm(Schemas as never);
});
afterAll(() => test.close());
beforeEach(async () => {
  await empty(test);
  const em = test.orm.em.fork();
  const ann = em.create(Writer, { name: 'ann' });
  await em.flush();
  writer = ann.id;
  await test.forget();
  lives = new Lives(test, [Essay]);
});

const FULL = {
  title: 't',
  body: 'long',
  summary: 'short',
  facts: { a: 1 },
  cover: Buffer.from([1, 2]),
  pages: 2n ** 60n,
};
const STORED = {
  title: 't',
  body: 'long',
  summary: 'short',
  facts: { a: 1 },
  cover: 'AQI=',
  pages: String(2n ** 60n),
  writer: null,
  editor: null,
};
const NULLS = { body: null, summary: null, facts: null, cover: null, pages: null };

async function make(values: object = FULL): Promise<number> {
  const em = test.orm.em.fork();
  const essay = em.create(Essay, { ...values, writer: null, editor: null } as never) as Essay;
  await lives.flush(em);
  return essay.id;
}

it('lazy columns are recorded in full when made, however they are given', async () => {
  await make();
  await make({ ...FULL, summary: ref('short'), facts: new ScalarReference({ a: 1 }, true), pages: ref(2n ** 60n) });
  await make({ ...FULL, ...NULLS });
  expect((await test.deltas()).map(row => row.new)).toEqual([STORED, STORED, { ...STORED, ...NULLS }]);
  expect(await lives.shown()).toStrictEqual(lives.seen);
});

const LOADS: Record<string, (em: TestOrm['orm']['em'], id: number) => Promise<Essay> | Essay> = {
  'nobody loaded': (em, essay) => em.findOneOrFail(Essay, essay),
  'are loaded': (em, essay) =>
    em.findOneOrFail(Essay, essay, { populate: ['body', 'summary', 'facts', 'cover', 'pages'] as never }),
  'are of a reference': (em, essay) => em.getReference(Essay, essay),
  'are loaded later': async (em, essay) => {
    const loaded = await em.findOneOrFail(Essay, essay);
    await em.populate(loaded, ['body', 'summary', 'facts', 'cover', 'pages'] as never);
    return loaded;
  },
};

describe.each(Object.entries(LOADS))('lazy columns that %s', (_, load) => {
  it('have their old values when they are replaced', async () => {
    const essay = await make();
    const em = test.orm.em.fork();
    const loaded = await load(em, essay);
    loaded.body = 'longer';
    loaded.summary = ref('shorter');
    loaded.facts = ref({ a: 2 }) as never;
    loaded.cover = Buffer.from([3]);
    loaded.pages = ref(0n) as never;
    await lives.flush(em);
    const now = { body: 'longer', summary: 'shorter', facts: { a: 2 }, cover: 'Aw==', pages: '0' };
    const { title: _title, writer: _writer, editor: _editor, ...old } = STORED;
    expect((await summary(test)).slice(1)).toEqual([['update', `Essay:${essay}`, old, now]]);
    Object.assign(loaded, NULLS);
    await lives.flush(em);
    expect((await summary(test)).slice(2)).toEqual([['update', `Essay:${essay}`, now, NULLS]]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('are left alone where they are not touched, and stand in the deletion', async () => {
    const essay = await make();
    const em = test.orm.em.fork();
    const loaded = await load(em, essay);
    loaded.title = 'u';
    await lives.flush(em);
    em.remove(loaded);
    await lives.flush(em);
    expect((await summary(test)).slice(1)).toEqual([
      ['update', `Essay:${essay}`, { title: 't' }, { title: 'u' }],
      ['delete', `Essay:${essay}`, { ...STORED, title: 'u' }, null],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('are no change where they are set to what they are', async () => {
    const essay = await make();
    const em = test.orm.em.fork();
    const loaded = await load(em, essay);
    Object.assign(loaded, { body: 'long', summary: ref('short'), facts: ref({ a: 1 }), pages: ref(2n ** 60n) });
    loaded.cover = Buffer.from([1, 2]);
    await lives.flush(em);
    expect((await summary(test)).slice(1)).toEqual([]);
  });
});

it('a ScalarReference that is set, and whose value is changed in place, is recorded', async () => {
  const essay = await make();
  const em = test.orm.em.fork();
  const loaded = await em.findOneOrFail(Essay, essay, { populate: ['summary', 'facts'] as never });
  (loaded.summary as ScalarReference<string>).set('set');
  loaded.facts!.unwrap()!.a = 5;
  await lives.flush(em);
  loaded.facts!.set({ a: 6 });
  await lives.flush(em);
  expect((await summary(test)).slice(1)).toEqual([
    ['update', `Essay:${essay}`, { summary: 'short', facts: { a: 1 } }, { summary: 'set', facts: { a: 5 } }],
    ['update', `Essay:${essay}`, { facts: { a: 5 } }, { facts: { a: 6 } }],
  ]);
  expect(await lives.shown()).toStrictEqual(lives.seen);
});

it('a ScalarReference that nobody loaded and somebody sets has its old value', async () => {
  const essay = await make();
  const em = test.orm.em.fork();
  const loaded = await em.findOneOrFail(Essay, essay);
  (loaded.summary as ScalarReference<string>).set('set');
  await lives.flush(em);
  expect((await summary(test)).slice(1)).toEqual([
    ['update', `Essay:${essay}`, { summary: 'short' }, { summary: 'set' }],
  ]);
  expect(await lives.shown()).toStrictEqual(lives.seen);
});

it('two actors who set a ScalarReference are both listed with what they set', async () => {
  const essay = await make();
  const em = test.orm.em.fork();
  const loaded = await em.findOneOrFail(Essay, essay, { populate: ['summary', 'facts', 'pages'] as never });
  await test.forget();
  const as = (name: string, fn: () => void) => RevisionContext.run({ actor: new SystemActor(name) }, fn);
  as('ann', () => {
    (loaded.summary as ScalarReference<string>).set('by ann');
    loaded.facts = ref({ a: 2 }) as never;
    loaded.pages = ref(1n) as never;
  });
  as('bob', () => {
    (loaded.summary as ScalarReference<string>).set('by bob');
    loaded.facts = ref({ a: 3 }) as never;
    loaded.pages = null;
  });
  await em.flush();
  expect((await test.attributes()).map(row => [row.attribute, row.old, row.new, row.actor])).toEqual([
    ['facts', { a: 1 }, { a: 2 }, 'system:ann'],
    ['facts', { a: 2 }, { a: 3 }, 'system:bob'],
    ['pages', String(2n ** 60n), '1', 'system:ann'],
    ['pages', '1', null, 'system:bob'],
    ['summary', 'short', 'by ann', 'system:ann'],
    ['summary', 'by ann', 'by bob', 'system:bob'],
  ]);
});

it('a Ref to an object: given as a wrapper, as an entity and as a key; loaded or not; cleared', async () => {
  const essay = await make();
  const em = test.orm.em.fork();
  const loaded = await em.findOneOrFail(Essay, essay);
  loaded.writer = ref(Writer, writer) as Ref<Writer>;
  loaded.editor = em.getReference(Writer, writer);
  await lives.flush(em);
  wrap(loaded).assign({ writer: null, editor: null } as never);
  await lives.flush(em);
  wrap(loaded).assign({ writer, editor: writer } as never);
  await lives.flush(em);
  expect((await summary(test)).slice(1)).toEqual([
    ['update', `Essay:${essay}`, { writer: null, editor: null }, { writer, editor: writer }],
    ['update', `Essay:${essay}`, { writer, editor: writer }, { writer: null, editor: null }],
    ['update', `Essay:${essay}`, { writer: null, editor: null }, { writer, editor: writer }],
  ]);
  expect(await lives.shown()).toStrictEqual(lives.seen);
});
