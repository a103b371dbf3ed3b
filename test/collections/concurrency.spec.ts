import { Collection, defineEntity, p } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import pg from 'pg';
import { createOrm, type TestOrm } from '../support/orm.js';
import { byContent } from '../support/order.js';
import { folded, live, unordered } from './links.js';

class Post {
  id!: number;
  tags = new Collection<Tag>(this);
  notes = new Collection<Note>(this);
  drafts = new Collection<Draft>(this);
}

class Tag {
  id!: number;
  posts = new Collection<Post>(this);
}

class Note {
  id!: number;
  post!: Post | null;
  text!: string;
}

class Draft {
  id!: number;
  post!: Post;
  text!: string;
}

const id = () => p.integer().primary();
const ENTITIES = [
  defineEntity({
    class: Post,
    properties: {
      id: id(),
      tags: () => p.manyToMany(Tag).owner(),
      notes: () => p.oneToMany(Note).mappedBy('post'),
      drafts: () => p.oneToMany(Draft).mappedBy('post').orphanRemoval(),
    },
  }),
  defineEntity({ class: Tag, properties: { id: id(), posts: () => p.manyToMany(Post).mappedBy('tags') } }),
  defineEntity({
    class: Note,
    properties: { id: id(), post: () => p.manyToOne(Post).nullable(), text: p.string() },
  }),
  defineEntity({ class: Draft, properties: { id: id(), post: () => p.manyToOne(Post), text: p.string() } }),
];

let test: TestOrm;
let em: EntityManager;
let post: Post;
beforeAll(async () => {
  test = await createOrm(ENTITIES);
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.database.query(`truncate post, tag, note, draft cascade;
    insert into post values (1), (2);
    insert into tag values (1), (2), (3);
    insert into post_tags (post_id, tag_id) values (1, 1), (2, 1);
    insert into note values (1, 1, 'a');
    insert into draft values (1, 1, 'a')`);
  await test.forget();
  em = test.orm.em.fork();
  post = await em.findOneOrFail(Post, 1);
});

/** What another transaction has committed by the time that a statement arrives. */
async function meanwhile(statement: string, other: () => Promise<unknown>, work: () => Promise<void>): Promise<void> {
  type Query = (this: pg.Client, ...args: unknown[]) => unknown;
  const prototype = pg.Client.prototype as unknown as { query: Query };
  const { query } = prototype;
  let isNext = true;
  prototype.query = async function (this: pg.Client, ...args) {
    if (isNext && typeof args[0] === 'string' && args[0].startsWith(statement)) {
      isNext = false;
      await other();
    }
    return query.apply(this, args);
  };
  try {
    await work();
  } finally {
    prototype.query = query;
  }
  expect(isNext).toBe(false);
}

const recorded = async () =>
  (await test.deltas()).map(delta => [delta.action, delta.object, delta.old, delta.new]).toSorted(byContent);

/** In the other transaction, which is recorded like every one. */
async function elsewhere(work: (em: EntityManager) => void | Promise<void>): Promise<void> {
  const other = test.orm.em.fork();
  await work(other);
  await other.flush();
}

describe('what others commit while a flush is on its way', () => {
  it('a link that a replaced collection then removes', async () => {
    const links = unordered(await live(test, { Post: 'tags' }));
    post.tags.set([em.getReference(Tag, 3)]);
    const link = () =>
      elsewhere(async other => {
        (await other.findOneOrFail(Post, 1)).tags.add(other.getReference(Tag, 2));
      });
    await meanwhile('delete from "post_tags"', link, () => em.flush());
    expect(await recorded()).toEqual([
      ['update', 'Post:1', {}, { tags: { added: [2], removed: [] } }],
      ['update', 'Post:1', {}, { tags: { added: [3], removed: [1, 2] } }],
    ]);
    expect(unordered(folded(await test.deltas(), links))).toEqual(unordered(await live(test, { Post: 'tags' })));
  });

  it('a link that is added to a collection that was not loaded, and is there already', async () => {
    post.tags.add(em.getReference(Tag, 2), em.getReference(Tag, 3));
    const link = () =>
      elsewhere(async other => {
        (await other.findOneOrFail(Post, 1)).tags.add(other.getReference(Tag, 2));
      });
    await meanwhile('insert into "post_tags"', link, () => em.flush());
    expect(await recorded()).toEqual([
      ['update', 'Post:1', {}, { tags: { added: [2], removed: [] } }],
      ['update', 'Post:1', {}, { tags: { added: [3], removed: [] } }],
    ]);
  });

  it('a link that a loaded collection removes, and is gone already', async () => {
    await post.tags.init();
    post.tags.removeAll();
    const unlink = () =>
      elsewhere(async other => {
        (await other.findOneOrFail(Tag, 1, { populate: ['posts'] })).posts.removeAll();
      });
    await unlink();
    await em.flush();
    expect(await recorded()).toEqual([
      ['update', 'Post:1', {}, { tags: { added: [], removed: [1] } }],
      ['update', 'Post:2', {}, { tags: { added: [], removed: [1] } }],
    ]);
  });

  it('a child that a replaced collection then unsets', async () => {
    post.notes.removeAll();
    const move = () =>
      elsewhere(other => {
        other.create(Note, { id: 2, post: other.getReference(Post, 1), text: 'b' });
      });
    await meanwhile('update "note"', move, () => em.flush());
    expect(await recorded()).toEqual([
      ['create', 'Note:2', null, { post: 1, text: 'b' }],
      ['update', 'Note:1', { post: 1 }, { post: null }],
      ['update', 'Note:2', { post: 1 }, { post: null }],
    ]);
    expect(await test.database.query('select id from note where post_id is not null')).toEqual([]);
  });

  it('an orphan that a replaced collection then deletes', async () => {
    const two = await em.findOneOrFail(Post, 2);
    two.drafts.removeAll();
    post.drafts.removeAll();
    const add = () =>
      elsewhere(other => {
        other.create(Draft, { id: 2, post: other.getReference(Post, 1), text: 'b' });
      });
    await meanwhile('delete from "draft"', add, () => em.flush());
    expect(await recorded()).toEqual([
      ['create', 'Draft:2', null, { post: 1, text: 'b' }],
      ['delete', 'Draft:1', { post: 1, text: 'a' }, null],
      ['delete', 'Draft:2', { post: 1, text: 'b' }, null],
    ]);
    expect(await test.database.query('select id from draft')).toEqual([]);
  });
});

it('sixteen writers of the same collections lose no link and none twice', async () => {
  const start = unordered(await live(test, { Post: 'tags' }));
  const write = async (n: number) => {
    for (let turn = 0; turn < 12; turn++) {
      const own = test.orm.em.fork();
      const [tag, other] = [1 + ((n + turn) % 3), 1 + ((n * 7 + turn) % 3)];
      const one = await own.findOneOrFail(Post, 1 + (n % 2));
      if (turn % 3 === 0) one.tags.set([own.getReference(Tag, tag)]);
      else if (turn % 3 === 1) one.tags.add(own.getReference(Tag, tag), own.getReference(Tag, other));
      else (await own.findOneOrFail(Tag, tag)).posts.set([own.getReference(Post, 1)]);
      // two that set the same link at a time: the second one fails, as it does untracked
      await own.flush().catch((error: Error) => {
        if (!/duplicate key|deadlock detected/.test(error.message)) throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: 16 }, (_, n) => write(n)));
  expect(unordered(folded(await test.deltas(), start))).toEqual(unordered(await live(test, { Post: 'tags' })));
});
