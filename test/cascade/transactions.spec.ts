import { Collection, defineEntity, p } from '@mikro-orm/core';
import { RevisionContext } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

class User {
  id!: number;
  name!: string;
}

class Post {
  id!: number;
  title!: string;
  author!: User;
  tags = new Collection<Tag>(this);
}

class Tag {
  id!: number;
  name!: string;
  posts = new Collection<Post>(this);
}

/** Not tracked, and tracked posts hang on it. */
class Site {
  id!: number;
}

class Page {
  id!: number;
  site!: Site;
}

class Note {
  id!: number;
  reader!: User | null;
}

const id = () => p.integer().primary();
const UserSchema = defineEntity({ class: User, properties: { id: id(), name: p.string() } });
const TagSchema = defineEntity({
  class: Tag,
  properties: { id: id(), name: p.string(), posts: () => p.manyToMany(Post).mappedBy('tags') },
});
const PostSchema = defineEntity({
  class: Post,
  properties: {
    id: id(),
    title: p.string(),
    author: () => p.manyToOne(User).deleteRule('cascade'),
    tags: () => p.manyToMany(Tag).inversedBy('posts'),
  },
});
const SiteSchema = defineEntity({ class: Site, revy: { track: false }, properties: { id: id() } });
const PageSchema = defineEntity({
  class: Page,
  properties: { id: id(), site: () => p.manyToOne(Site).deleteRule('cascade') },
});

const NoteSchema = defineEntity({
  class: Note,
  properties: { id: id(), reader: () => p.manyToOne(User).nullable() },
});

const ENTITIES = [UserSchema, TagSchema, PostSchema, SiteSchema, PageSchema, NoteSchema];

let t: TestOrm;

beforeAll(async () => {
  t = await createOrm(ENTITIES);
});

afterAll(() => t.close());

beforeEach(async () => {
  await t.database.query(`truncate "user", post, tag, post_tags, site, page, note;
    insert into "user" (id, name) values (1, 'Ada'), (2, 'Bob');
    insert into post (id, title, author_id) values (1, 'a', 1), (2, 'b', 1), (3, 'c', 2);
    insert into tag (id, name) values (1, 'x'), (2, 'y');
    insert into post_tags (post_id, tag_id) values (1, 1), (1, 2), (3, 1);
    insert into site (id) values (1); insert into page (id, site_id) values (1, 1);
    insert into note (id, reader_id) values (1, 2)`);
  await t.forget();
});

const told = async () =>
  (await t.deltas())
    .map(({ action, object, old, new: after }) => ({ object, action, old, new: after }))
    .toSorted((a, b) => a.object.localeCompare(b.object));

// Revy for Django's README, "Deletion descriptions"
it('gives the reason of the user to what the user deleted, and the other to what went along', async () => {
  const em = t.orm.em.fork();
  const user = await em.findOneOrFail(User, 1);
  await RevisionContext.run(
    {
      actor: user,
      objectDeltaDescription: "The account has been closed at the owner's request.",
      deletionDescription: "Deleted because the owner's account has been closed.",
    },
    () => em.remove(user).flush(),
  );
  const said = (await t.deltas()).map(({ object, actor, description }) => ({ object, actor, description }));
  const along = { actor: null, description: "Deleted because the owner's account has been closed." };
  expect(said.toSorted((a, b) => a.object.localeCompare(b.object))).toEqual([
    { object: 'Post:1', ...along },
    { object: 'Post:2', ...along },
    { object: 'User:1', actor: 'User:1', description: "The account has been closed at the owner's request." },
  ]);
  expect(new Set((await t.deltas()).map(delta => delta.revision))).toEqual(new Set([1]));
});

it('does not take along what the same flush moved away', async () => {
  const em = t.orm.em.fork();
  const [first] = await em.find(Post, { author: 1 }, { orderBy: { id: 'asc' } });
  first!.author = em.getReference(User, 2);
  await em.remove(em.getReference(User, 1)).flush();
  expect(await told()).toEqual([
    { object: 'Post:1', action: 'update', old: { author: 1 }, new: { author: 2 } },
    { object: 'Post:2', action: 'delete', old: { title: 'b', author: 1 }, new: null },
    { object: 'User:1', action: 'delete', old: { name: 'Ada' }, new: null },
  ]);
});

it('makes one deletion of an update and a cascade, with the state before the transaction', async () => {
  await t.orm.em.fork().transactional(async em => {
    (await em.findOneOrFail(Post, 2)).title = 'changed first';
    await em.flush();
    em.remove(await em.findOneOrFail(User, 1));
    await em.flush();
  });
  expect((await told())[1]).toEqual({ object: 'Post:2', action: 'delete', old: { title: 'b', author: 1 }, new: null });
});

it('makes one deletion of them in one flush, too', async () => {
  const em = t.orm.em.fork();
  (await em.findOneOrFail(Post, 2)).title = 'changed first';
  await em.remove(await em.findOneOrFail(User, 1)).flush();
  expect((await told())[1]).toEqual({ object: 'Post:2', action: 'delete', old: { title: 'b', author: 1 }, new: null });
});

it('records nothing of what was created and taken along in one transaction', async () => {
  await t.orm.em.fork().transactional(async em => {
    em.create(Post, { id: 9, title: 'short-lived', author: em.getReference(User, 2) });
    await em.flush();
    em.remove(await em.findOneOrFail(User, 2));
  });
  expect((await told()).map(delta => delta.object)).toEqual(['Note:1', 'Post:3', 'User:2']);
});

it('takes a cascade back with the savepoint that it happened in', async () => {
  await t.orm.em.fork().transactional(async em => {
    await em
      .transactional(async inner => {
        inner.remove(await inner.findOneOrFail(User, 1));
        await inner.flush();
        throw new Error('no');
      })
      .catch(() => undefined);
    em.remove(em.getReference(User, 2));
  });
  expect((await told()).map(delta => delta.object)).toEqual(['Note:1', 'Post:3', 'User:2']);
});

it('follows a row that is deleted to make room for one with the same key', async () => {
  const em = t.orm.em.fork();
  em.remove(await em.findOneOrFail(User, 1));
  em.persist(Object.assign(new User(), { id: 1, name: 'Ada again' }));
  em.persist(Object.assign(new Post(), { id: 1, title: 'anew', author: em.getReference(User, 2) }));
  await em.flush();
  expect(await told()).toEqual([
    // the links went with the row, and did not come back with it
    {
      object: 'Post:1',
      action: 'update',
      old: { title: 'a', author: 1 },
      new: { title: 'anew', author: 2, tags: { added: [], removed: [1, 2] } },
    },
    { object: 'Post:2', action: 'delete', old: { title: 'b', author: 1 }, new: null },
    { object: 'User:1', action: 'update', old: { name: 'Ada' }, new: { name: 'Ada again' } },
  ]);
});

it('tells of links that were lost before an object came back in the same transaction', async () => {
  await t.orm.em.fork().transactional(async em => {
    em.remove(await em.findOneOrFail(Post, 1));
    await em.flush();
    em.create(Post, { id: 1, title: 'a', author: em.getReference(User, 1) });
  });
  expect(await told()).toEqual([
    { object: 'Post:1', action: 'update', old: {}, new: { tags: { added: [], removed: [1, 2] } } },
  ]);
});

it('records what goes along with a row that is not tracked', async () => {
  const em = t.orm.em.fork();
  await RevisionContext.run({ deletionDescription: 'site closed' }, async () => {
    await em.remove(await em.findOneOrFail(Site, 1)).flush();
  });
  expect(await t.deltas()).toEqual([
    {
      revision: 1,
      object: 'Page:1',
      action: 'delete',
      old: { site: 1 },
      new: null,
      actor: null,
      description: 'site closed',
    },
  ]);
});

it('records nothing where it is disabled', async () => {
  const em = t.orm.em.fork();
  await RevisionContext.runDisabled(async () => em.remove(await em.findOneOrFail(User, 1)).flush());
  expect(await t.deltas()).toEqual([]);
  expect(await t.database.query('select id from post')).toEqual([{ id: 3 }]);
});

it('does not record a second time what MikroORM still holds in memory', async () => {
  const em = t.orm.em.fork();
  const post = await em.findOneOrFail(Post, 3, { populate: ['author', 'tags'] });
  const note = await em.findOneOrFail(Note, 1, { populate: ['reader'] });
  await em.remove(post.author).flush();
  expect((await told()).map(delta => delta.object)).toEqual(['Note:1', 'Post:3', 'User:2']);
  expect(em.getUnitOfWork().getIdentityMap().getByEntity(post)).toBeUndefined();
  expect(note.reader).toBeNull();
  await t.forget();
  expect(await statementsOf(() => em.flush())).toEqual([]);
  expect(await told()).toEqual([]);
});

it('does not record a link twice that MikroORM knows from the other end only', async () => {
  const em = t.orm.em.fork();
  const tag = await em.findOneOrFail(Tag, 1, { populate: ['posts'] });
  await em.remove(tag).flush();
  expect((await told()).map(delta => delta.object)).toEqual(['Post:1', 'Post:3', 'Tag:1']);
  await t.forget();
  await em.flush();
  expect(await told()).toEqual([]);
});

it('does not record a second time what an entity manager around a nested transaction still holds', async () => {
  const em = t.orm.em.fork();
  await em.findOneOrFail(Post, 3);
  await em.findOneOrFail(Note, 1);
  const user = await em.findOneOrFail(User, 2);
  await em.transactional(async outer => {
    outer.create(Post, { id: 9, title: 'comes and goes', author: user });
    await outer.transactional(async inner => void inner.remove(user));
  });
  await t.forget();
  expect(await statementsOf(() => em.flush())).toEqual([]);
  expect(await told()).toEqual([]);
});

it('takes what MikroORM holds in memory back with the savepoint', async () => {
  const em = t.orm.em.fork();
  const note = await em.findOneOrFail(Note, 1);
  await em.begin();
  const nested = em.transactional(async inner => {
    inner.remove(await inner.findOneOrFail(User, 2));
    await inner.flush();
    throw new Error('given up');
  });
  await expect(nested).rejects.toThrow('given up');
  em.remove(note);
  await em.commit();
  expect(await told()).toEqual([{ object: 'Note:1', action: 'delete', old: { reader: 2 }, new: null }]);
});

it('tells nobody of what a savepoint has taken back', async () => {
  const em = t.orm.em.fork();
  const post = await em.findOneOrFail(Post, 3);
  await em.transactional(async outer => {
    const nested = outer.transactional(async inner => {
      inner.remove(await inner.findOneOrFail(User, 2));
      await inner.flush();
      throw new Error('given up');
    });
    await expect(nested).rejects.toThrow('given up');
    expect(outer.getUnitOfWork().getIdentityMap().getByEntity(post)).toBe(post);
    // MikroORM 7.2 forgets the user itself, and with it that the post refers to it
    outer.clear();
  });
  expect(em.getUnitOfWork().getIdentityMap().getByEntity(post)).toBe(post);
  expect(await told()).toEqual([]);
});

it('refuses what it could not record: outside a transaction, outside a context', async () => {
  const bare = await createOrm(ENTITIES, { config: { implicitTransactions: false } });
  const strict = await createOrm(ENTITIES, { revy: { outsideContext: 'throw' } });
  try {
    for (const one of [bare, strict]) {
      await one.database.query('insert into site (id) values (1); insert into page (id, site_id) values (1, 1)');
      const em = one.orm.em.fork();
      em.remove(await em.findOneOrFail(Site, 1));
      await expect(em.flush()).rejects.toThrow(/^Cannot write Site: no (transaction|revision context)/);
      expect(await one.database.query('select id from site')).toEqual([{ id: 1 }]);
    }
  } finally {
    await bare.close();
    await strict.close();
  }
});
