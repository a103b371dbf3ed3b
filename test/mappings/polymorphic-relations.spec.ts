import { defineEntity, p, type Ref, ref, Type } from '@mikro-orm/core';
import { RevisionContext, SystemActor } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { byContent } from '../support/order.js';
import { empty, Lives, summary } from './lives.js';

/** A key whose runtime form and stored form differ. */
class CodeType extends Type<string | null, string | null> {
  override convertToDatabaseValue(value: string | null): string | null {
    return value && `db-${value}`;
  }

  override convertToJSValue(value: string | null): string | null {
    return value?.startsWith('db-') ? value.slice(3) : value;
  }

  override getColumnType(): string {
    return 'text';
  }
}

class Film {
  id!: number;
  title!: string;
}

class Song {
  id!: number;
  title!: string;
}

class Page {
  code!: string;
  text!: string;
}

class Shelf {
  room!: string;
  row!: bigint;
}

class Drawer {
  room!: string;
  row!: bigint;
}

class Comment {
  id!: number;
  text!: string;
  on!: Film | Song | null;
  also!: Ref<Film | Song> | null;
  place!: Shelf | Drawer | null;
  page!: Page | null;
}

class Award {
  id!: number;
  /** Owner of a 1:1. */
  to!: Film | Song | null;
}

const bigKey = p.bigint().primary();
const Schemas = [
  defineEntity({ class: Film, properties: { id: p.integer().primary(), title: p.string() } }),
  defineEntity({ class: Song, properties: { id: p.integer().primary(), title: p.string() } }),
  defineEntity({ class: Page, properties: { code: p.type(CodeType).primary(), text: p.string() } }),
  defineEntity({ class: Shelf, properties: { room: p.string().primary(), row: bigKey } }),
  defineEntity({ class: Drawer, properties: { room: p.string().primary(), row: bigKey } }),
  defineEntity({
    class: Comment,
    properties: {
      id: p.integer().primary().autoincrement(),
      text: p.string(),
      on: () => p.manyToOne([Film, Song] as never).nullable(),
      also: () =>
        p
          .manyToOne([Film, Song] as never)
          .discriminatorMap({ f: 'Film', s: 'Song' })
          .ref()
          .nullable(),
      place: () => p.manyToOne([Shelf, Drawer] as never).nullable(),
      page: () => p.manyToOne(Page).nullable(),
    },
  } as never),
  defineEntity({
    class: Award,
    properties: {
      id: p.integer().primary().autoincrement(),
      to: () =>
        p
          .oneToOne([Film, Song] as never)
          .owner()
          .nullable(),
    },
  } as never),
];

let test: TestOrm;
let lives: Lives;
beforeAll(async () => {
  test = await createOrm(Schemas as never);
});
afterAll(() => test.close());
beforeEach(async () => {
  await empty(test);
  lives = new Lives(test, [Film, Song, Page, Shelf, Drawer, Comment, Award]);
});

const BIG = 2n ** 60n;

async function seed() {
  const em = test.orm.em.fork();
  em.create(Film, { id: 7, title: 'film' });
  em.create(Song, { id: 7, title: 'song' });
  em.create(Page, { code: 'p', text: 'page' });
  em.create(Shelf, { room: 'a', row: BIG });
  em.create(Drawer, { room: 'a', row: 1n });
  await lives.flush(em);
}

const NOTHING = { on: null, also: null, place: null, page: null };

it('a relation to one of several classes is recorded with the class that it is to', async () => {
  await seed();
  const em = test.orm.em.fork();
  const comment = em.create(Comment, {
    text: 'c',
    on: em.getReference(Film, 7),
    also: ref(em.getReference(Song, 7)),
    place: em.getReference(Shelf, ['a', BIG] as never),
    page: em.getReference(Page, 'p' as never),
  } as never) as Comment;
  await lives.flush(em);
  comment.on = em.getReference(Song, 7);
  comment.also = ref(em.getReference(Film, 7));
  comment.place = em.getReference(Drawer, ['a', 1n] as never);
  await lives.flush(em);
  Object.assign(comment, NOTHING);
  await lives.flush(em);
  const first = {
    on: ['film', 7],
    also: ['s', 7],
    place: ['shelf', ['a', String(BIG)]],
    page: 'db-p',
  };
  const second = { on: ['song', 7], also: ['f', 7], place: ['drawer', ['a', '1']] };
  const { page: _, ...changed } = first;
  expect((await summary(test)).slice(5)).toEqual([
    ['create', `Comment:${comment.id}`, null, { text: 'c', ...first }],
    ['update', `Comment:${comment.id}`, changed, second],
    ['update', `Comment:${comment.id}`, { ...second, page: 'db-p' }, NOTHING],
  ]);
  expect(await lives.shown()).toStrictEqual(lives.seen);
});

it('objects that a flush creates refer to each other, whatever their class', async () => {
  const em = test.orm.em.fork();
  const song = em.create(Song, { id: 5, title: 's' });
  const comment = em.create(Comment, { ...NOTHING, text: 'c', on: song, also: ref(song) } as never) as Comment;
  const award = em.create(Award, { to: song } as never) as Award;
  await lives.flush(em);
  expect((await summary(test)).toSorted(byContent)).toEqual([
    ['create', `Award:${award.id}`, null, { to: ['song', 5] }],
    ['create', `Comment:${comment.id}`, null, { ...NOTHING, text: 'c', on: ['song', 5], also: ['s', 5] }],
    ['create', 'Song:5', null, { title: 's' }],
  ]);
  expect(await lives.shown()).toStrictEqual(lives.seen);
});

it('the owner of a 1:1 to one of several classes', async () => {
  await seed();
  const em = test.orm.em.fork();
  const award = em.create(Award, { to: em.getReference(Film, 7) } as never) as Award;
  await lives.flush(em);
  award.to = em.getReference(Song, 7);
  await lives.flush(em);
  award.to = null;
  await lives.flush(em);
  expect((await summary(test)).slice(5)).toEqual([
    ['create', `Award:${award.id}`, null, { to: ['film', 7] }],
    ['update', `Award:${award.id}`, { to: ['film', 7] }, { to: ['song', 7] }],
    ['update', `Award:${award.id}`, { to: ['song', 7] }, { to: null }],
  ]);
  expect(await lives.shown()).toStrictEqual(lives.seen);
});

describe('where nobody loaded it', () => {
  const OLD = {
    on: ['song', 7],
    also: ['f', 7],
    place: ['shelf', ['a', String(BIG)]],
    page: 'db-p',
  };

  async function make(): Promise<number> {
    await seed();
    const em = test.orm.em.fork();
    const comment = em.create(Comment, {
      text: 'c',
      on: em.getReference(Song, 7),
      also: ref(em.getReference(Film, 7)),
      place: em.getReference(Shelf, ['a', BIG] as never),
      page: em.getReference(Page, 'p' as never),
    } as never) as Comment;
    await lives.flush(em);
    return comment.id;
  }

  it('the old value is that of the row: changed and removed by reference', async () => {
    const id = await make();
    const em = test.orm.em.fork();
    Object.assign(em.getReference(Comment, id), NOTHING);
    await lives.flush(em);
    const other = test.orm.em.fork();
    Object.assign(other.getReference(Comment, id), {
      on: other.getReference(Song, 7),
      also: ref(other.getReference(Film, 7)),
      place: other.getReference(Shelf, ['a', BIG] as never),
      page: other.getReference(Page, 'p' as never),
    });
    await lives.flush(other);
    const last = test.orm.em.fork();
    last.remove(last.getReference(Comment, id));
    await lives.flush(last);
    expect((await summary(test)).slice(6)).toEqual([
      ['update', `Comment:${id}`, OLD, NOTHING],
      ['update', `Comment:${id}`, NOTHING, OLD],
      ['delete', `Comment:${id}`, { text: 'c', ...OLD }, null],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('and nothing is recorded if it is set to what it is', async () => {
    const id = await make();
    const em = test.orm.em.fork();
    Object.assign(em.getReference(Comment, id), {
      on: em.getReference(Song, 7),
      also: ref(em.getReference(Film, 7)),
      place: em.getReference(Shelf, ['a', BIG] as never),
      page: em.getReference(Page, 'p' as never),
    });
    await em.flush();
    expect((await summary(test)).slice(6)).toEqual([]);
  });

  it('native calls record it the same way', async () => {
    const id = await make();
    const em = test.orm.em.fork();
    await em.nativeUpdate(Comment, { id }, { page: null } as never);
    await em.nativeDelete(Comment, { id });
    expect((await summary(test)).slice(6)).toEqual([
      ['update', `Comment:${id}`, { page: 'db-p' }, { page: null }],
      ['delete', `Comment:${id}`, { text: 'c', ...OLD, page: null }, null],
    ]);
  });
});

it('two actors who set it are both listed with what they set', async () => {
  await seed();
  const em = test.orm.em.fork();
  const comment = em.create(Comment, { ...NOTHING, text: 'c' } as never) as Comment;
  await em.flush();
  await test.forget();
  RevisionContext.run({ actor: new SystemActor('ann') }, () => {
    comment.on = em.getReference(Film, 7);
    comment.also = ref(em.getReference(Film, 7)) as Ref<Film>;
    comment.place = em.getReference(Shelf, ['a', BIG] as never);
    comment.page = em.getReference(Page, 'p' as never);
  });
  RevisionContext.run({ actor: new SystemActor('bob') }, () => {
    comment.on = em.getReference(Song, 7);
    comment.also = ref(em.getReference(Song, 7)) as Ref<Song>;
    comment.place = em.getReference(Drawer, ['a', 1n] as never);
    comment.page = null;
  });
  await em.flush();
  expect((await test.attributes()).map(row => [row.attribute, row.old, row.new, row.actor])).toEqual([
    ['also', null, ['f', 7], 'system:ann'],
    ['also', ['f', 7], ['s', 7], 'system:bob'],
    ['on', null, ['film', 7], 'system:ann'],
    ['on', ['film', 7], ['song', 7], 'system:bob'],
    ['place', null, ['shelf', ['a', String(BIG)]], 'system:ann'],
    ['place', ['shelf', ['a', String(BIG)]], ['drawer', ['a', '1']], 'system:bob'],
  ]);
});
