import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { raw, ref } from '@mikro-orm/core';
import { RevisionContext, SnapshotService } from '@revy/mikro-orm';
import { Comment, Post, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

describe('capture', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm();
  });
  afterAll(() => test.close());
  beforeEach(() => test.forget());

  /** Rows made without leaving a history, by an ORM of the same database. */
  async function seedPost(): Promise<number> {
    const em = test.orm.em.fork();
    const post = em.create(Post, { title: 'One', slug: 'one', views: 1, meta: { a: 1 }, author: null });
    await RevisionContext.runDisabled(() => em.flush());
    return post.id;
  }

  it('leaves the schema complete: nothing to update afterwards', async () => {
    expect(await test.orm.schema.getUpdateSchemaSQL()).toBe('');
  });

  it('A1: a create and an update are two revisions, with the values before and after', async () => {
    const em = test.orm.em.fork();
    const post = em.create(Post, { title: 'One', slug: null, views: 3, meta: null, author: null });
    await em.flush();
    post.title = 'Two';
    await em.flush();
    const object = `Post:${post.id}`;
    const by = { object, actor: null, description: null };
    expect(await test.deltas()).toEqual([
      {
        ...by,
        revision: 1,
        action: 'create',
        old: null,
        new: { title: 'One', slug: null, views: 3, meta: null, author: null },
      },
      { ...by, revision: 2, action: 'update', old: { title: 'One' }, new: { title: 'Two' } },
    ]);
    const snapshots = new SnapshotService(em);
    expect((await snapshots.at(Post, post.id, { revision: 1 }))!.entity.title).toBe('One');
    expect((await snapshots.at(Post, post.id, { revision: 2 }))!.entity.title).toBe('Two');
  });

  it('A2: a delete keeps the last values; reading there gives null, and the whole object just before', async () => {
    const em = test.orm.em.fork();
    const author = em.create(User, { name: 'Ann', email: null });
    const post = em.create(Post, { title: 'One', slug: 'one', views: 3, meta: { b: [] }, author });
    await em.flush();
    const { id } = post;
    em.remove(post);
    await em.flush();
    expect((await test.deltas()).at(-1)).toEqual({
      revision: 2,
      action: 'delete',
      object: `Post:${id}`,
      old: { title: 'One', slug: 'one', views: 3, meta: { b: [] }, author: author.id },
      new: null,
      actor: null,
      description: null,
    });
    const snapshots = new SnapshotService(em);
    expect(await snapshots.at(Post, id, { revision: 2 })).toBeNull();
    expect((await snapshots.at(Post, id, { before: 2 }))!.entity).toMatchObject({ title: 'One', meta: { b: [] } });
  });

  it('A3: what one transaction changes is one revision; what it does not touch is not in it', async () => {
    const em = test.orm.em.fork();
    const ann = em.create(User, { name: 'Ann', email: 'a' });
    const ben = em.create(User, { name: 'Ben', email: 'b' });
    await em.flush();
    await RevisionContext.run({ actor: ann, revisionDescription: 'why' }, async () => {
      ann.name = 'Anna';
      em.create(Post, { title: 'One', slug: null, views: 0, meta: null, author: ben });
      await em.flush();
    });
    expect(
      (await test.deltas()).map(({ revision, action, object, actor }) => [
        revision,
        action,
        object.split(':')[0],
        actor,
      ]),
    ).toEqual([
      [1, 'create', 'User', null],
      [1, 'create', 'User', null],
      [2, 'create', 'Post', `User:${ann.id}`],
      [2, 'update', 'User', `User:${ann.id}`],
    ]);
    expect(await test.revisions()).toEqual([
      { id: 1, description: null, actor: null, metadata: null },
      { id: 2, description: 'why', actor: `User:${ann.id}`, metadata: null },
    ]);
    const later = await new SnapshotService(em).at(User, ben.id, { revision: 2 });
    expect(later).toMatchObject({ entity: { name: 'Ben' }, version: 1 });
  });

  it('A4: values that are what they were make no version, whatever was assigned in between', async () => {
    const em = test.orm.em.fork();
    const post = await em.findOneOrFail(Post, await seedPost());
    Object.assign(post, { title: 'One', slug: 'one', views: 1, meta: { a: 1 }, author: null });
    await em.flush();
    post.title = 'Two';
    post.meta = { a: 2 };
    post.title = 'One';
    post.meta = { a: 1 };
    await em.flush();
    expect([await test.deltas(), await test.revisions()]).toEqual([[], []]);
  });

  it('A8: finding, refreshing, and a transaction that only reads record nothing', async () => {
    const id = await seedPost();
    const em = test.orm.em.fork();
    await em.transactional(async tx => {
      const post = await tx.findOneOrFail(Post, id);
      await tx.refresh(post);
      await tx.flush();
    });
    await em.flush();
    await em.flush();
    expect([await test.deltas(), await test.revisions()]).toEqual([[], []]);
  });

  it('A10: null that stays null is no change of a create; to and from null is one each', async () => {
    const em = test.orm.em.fork();
    const user = em.create(User, { name: 'Ann', email: null });
    await em.flush();
    user.email = 'a@b';
    await em.flush();
    user.email = null;
    await em.flush();
    expect(
      (await test.attributes()).filter(row => row.attribute === 'email').map(row => [row.action, row.old, row.new]),
    ).toEqual([
      ['set', null, 'a@b'],
      ['unset', 'a@b', null],
    ]);
  });

  it('S10: 0, false and the empty string are set, not unset', async () => {
    const em = test.orm.em.fork();
    const post = await em.findOneOrFail(Post, await seedPost());
    Object.assign(post, { views: 0, slug: '' });
    await em.flush();
    expect((await test.attributes()).map(row => [row.attribute, row.action, row.old, row.new])).toEqual([
      ['slug', 'set', 'one', ''],
      ['views', 'set', 1, 0],
    ]);
  });

  it('S2: an object that was changed and removed in one flush is deleted as the row was', async () => {
    const em = test.orm.em.fork();
    const post = await em.findOneOrFail(Post, await seedPost());
    post.title = 'never written';
    em.remove(post);
    await em.flush();
    expect((await test.deltas()).map(({ action, old }) => [action, old])).toEqual([
      ['delete', { title: 'One', slug: 'one', views: 1, meta: { a: 1 }, author: null }],
    ]);
  });

  it('an object that was persisted and removed before its first flush was never there', async () => {
    const em = test.orm.em.fork();
    const user = em.create(User, { name: 'Ann', email: null });
    em.remove(user);
    await em.flush();
    expect(await test.revisions()).toEqual([]);
  });

  it('an object that was removed and persisted again in one flush did not change, or changed', async () => {
    const em = test.orm.em.fork();
    const user = em.create(User, { name: 'Ann', email: null });
    await em.flush();
    await test.forget();
    em.remove(user);
    em.persist(user);
    await em.flush();
    expect(await test.deltas()).toEqual([]);
    em.remove(user);
    user.name = 'Anna';
    em.persist(user);
    await em.flush();
    expect((await test.deltas()).map(({ action, old, new: now }) => [action, old, now])).toEqual([
      ['update', { name: 'Ann' }, { name: 'Anna' }],
    ]);
  });

  it('generated keys stand in the deltas, and in the foreign keys to rows of the same flush', async () => {
    const em = test.orm.em.fork();
    const author = em.create(User, { name: 'Ann', email: null });
    const post = em.create(Post, { title: 'One', slug: null, views: 0, meta: null, author });
    const comment = em.create(Comment, { text: 'first', post });
    await em.flush();
    expect(
      (await test.deltas()).map(({ object, new: now }) => [object, now!['author'] ?? now!['post'] ?? null]),
    ).toEqual([
      [`User:${author.id}`, null],
      [`Post:${post.id}`, author.id],
      [`Comment:${comment.id}`, post.id],
    ]);
  });

  it('two rows that swap a unique value are one update each', async () => {
    const em = test.orm.em.fork();
    const ann = em.create(User, { name: 'Ann', email: 'x' });
    const ben = em.create(User, { name: 'Ben', email: 'y' });
    await em.flush();
    await test.forget();
    // MikroORM 7.2 writes an exchange one after the other, which an immediate constraint refuses
    await test.database.query(
      'alter table "user" drop constraint user_email_unique, add constraint user_email_unique unique (email) deferrable initially deferred',
    );
    [ann.email, ben.email] = ['y', 'x'];
    ben.name = 'Bea';
    await em.flush();
    const rows = await test.deltas();
    expect(
      rows.toSorted((a, b) => a.object.localeCompare(b.object)).map(row => [row.action, row.object, row.old, row.new]),
    ).toEqual([
      ['update', `User:${ann.id}`, { email: 'x' }, { email: 'y' }],
      ['update', `User:${ben.id}`, { email: 'y', name: 'Ben' }, { email: 'x', name: 'Bea' }],
    ]);
    const live = await test.database.query('select id, name, email from "user" where id = any($1) order by id', [
      [ann.id, ben.id],
    ]);
    expect(live.map(Object.values)).toEqual([
      [ann.id, 'Ann', 'y'],
      [ben.id, 'Bea', 'x'],
    ]);
  });

  it('what raw SQL computes is recorded as the database computed it', async () => {
    const em = test.orm.em.fork();
    const post = await em.findOneOrFail(Post, await seedPost());
    post.title = raw(`upper('new') || ?`, ['!']) as never;
    post.views = raw('views + 41') as never;
    await em.flush();
    expect((await test.deltas()).map(row => [row.old, row.new])).toEqual([
      [
        { title: 'One', views: 1 },
        { title: 'NEW!', views: 42 },
      ],
    ]);
    expect((await test.database.query('select title, views from post where id = $1', [post.id]))[0]).toEqual({
      title: 'NEW!',
      views: 42,
    });
  });

  describe('what the entity manager never read', () => {
    it('a reference that is modified: the old values are read from the row', async () => {
      const id = await seedPost();
      const em = test.orm.em.fork();
      const post = em.getReference(Post, id);
      post.title = 'Two';
      post.views = 1;
      await em.flush();
      expect((await test.deltas()).map(row => [row.action, row.old, row.new])).toEqual([
        ['update', { title: 'One' }, { title: 'Two' }],
      ]);
    });

    it('a reference that is removed: its row is read first', async () => {
      const id = await seedPost();
      const em = test.orm.em.fork();
      em.remove(em.getReference(Post, id));
      await em.flush();
      expect((await test.deltas()).map(row => [row.action, row.old])).toEqual([
        ['delete', { title: 'One', slug: 'one', views: 1, meta: { a: 1 }, author: null }],
      ]);
    });

    it('a partly loaded object: what was not loaded is read, never taken for null', async () => {
      const id = await seedPost();
      const em = test.orm.em.fork();
      const post = await em.findOneOrFail(Post, id, { fields: ['title'] });
      Object.assign(post, { slug: 'two', meta: { a: 1 } });
      await em.flush();
      expect((await test.deltas()).map(row => [row.old, row.new])).toEqual([[{ slug: 'one' }, { slug: 'two' }]]);
      await test.forget();
      em.remove(post);
      await em.flush();
      expect((await test.deltas()).map(row => [row.action, row.old])).toEqual([
        ['delete', { title: 'One', slug: 'two', views: 1, meta: { a: 1 }, author: null }],
      ]);
    });

    it('a partly loaded object that is removed', async () => {
      const em = test.orm.em.fork();
      const post = await em.findOneOrFail(Post, await seedPost(), { fields: ['title'] });
      em.remove(post);
      await em.flush();
      expect((await test.deltas()).map(row => row.old)).toEqual([
        { title: 'One', slug: 'one', views: 1, meta: { a: 1 }, author: null },
      ]);
    });

    it('many references of several classes in one flush take one read for each class', async () => {
      const ids = [await seedPost(), await seedPost(), await seedPost()];
      const seeder = test.orm.em.fork();
      const user = seeder.create(User, { name: 'Ann', email: null });
      await seeder.flush();
      await test.forget();
      const em = test.orm.em.fork();
      for (const id of ids) em.getReference(Post, id).title = `post ${id}`;
      em.getReference(User, user.id).name = 'Anna';
      const statements = await statementsOf(test, () => em.flush());
      expect(statements.filter(sql => /^select/i.test(sql))).toHaveLength(2);
      expect((await test.deltas()).map(row => [row.object, row.old, row.new])).toEqual(
        expect.arrayContaining([
          ...ids.map(id => [`Post:${id}`, { title: 'One' }, { title: `post ${id}` }]),
          [`User:${user.id}`, { name: 'Ann' }, { name: 'Anna' }],
        ]),
      );
    });

    it('inside an explicit transaction, where the row was changed before by SQL', async () => {
      const id = await seedPost();
      await test.orm.em.fork().transactional(async em => {
        await em
          .getConnection()
          .execute('update post set slug = ? where id = ?', ['sql', id], 'run', em.getTransactionContext());
        const post = em.getReference(Post, id);
        post.slug = 'flush';
      });
      expect((await test.deltas()).map(row => [row.old, row.new])).toEqual([[{ slug: 'sql' }, { slug: 'flush' }]]);
    });

    it('a row of another object manager, merged: the old values are what the caller says they were', async () => {
      const id = await seedPost();
      const em = test.orm.em.fork();
      const post = em.merge(Post, {
        id,
        title: 'STALE',
        slug: 'one',
        views: 1,
        meta: { a: 1 },
        author: null,
      } as never) as unknown as Post;
      post.title = 'Two';
      await em.flush();
      expect((await test.deltas()).map(row => [row.old, row.new])).toEqual([[{ title: 'STALE' }, { title: 'Two' }]]);
    });

    it('a relation set to a reference, and to null', async () => {
      const seeder = test.orm.em.fork();
      const user = seeder.create(User, { name: 'Ann', email: null });
      await seeder.flush();
      const id = await seedPost();
      await test.forget();
      const em = test.orm.em.fork();
      const post = await em.findOneOrFail(Post, id);
      post.author = em.getReference(User, user.id);
      await em.flush();
      post.author = null;
      await em.flush();
      expect((await test.deltas()).map(row => [row.object, row.old, row.new])).toEqual([
        [`Post:${id}`, { author: null }, { author: user.id }],
        [`Post:${id}`, { author: user.id }, { author: null }],
      ]);
      expect(ref(user)).toBeDefined();
    });
  });

  it('1,000 creates, updates and deletes are one revision each, with every value', async () => {
    const em = test.orm.em.fork();
    const posts = Array.from({ length: 1000 }, (_, n) =>
      em.create(Post, { title: `t${n}`, slug: null, views: n, meta: { n }, author: null }),
    );
    await em.flush();
    posts.forEach((post, n) => Object.assign(post, { title: `u${n}`, meta: n % 2 ? { n } : { n: -n }, views: n }));
    await em.flush();
    for (const post of posts) em.remove(post);
    await em.flush();
    const rows = await test.deltas();
    expect(rows).toHaveLength(3000);
    const expected = rows.slice(0, 2000).map((row, index) => {
      const n = index % 1000;
      const create = [null, { title: `t${n}`, slug: null, views: n, meta: { n }, author: null }];
      const update = [{ title: `t${n}` }, { title: `u${n}` }];
      const updateOfMeta = [
        { title: `t${n}`, meta: { n } },
        { title: `u${n}`, meta: { n: -n } },
      ];
      return row.action === 'create' ? create : n % 2 || n === 0 ? update : updateOfMeta;
    });
    expect(rows.slice(0, 2000).map(row => [row.old, row.new])).toEqual(expected);
    expect(rows.map(row => row.action)).toEqual(
      ['create', 'update', 'delete'].flatMap(action => Array(1000).fill(action)),
    );
    expect(rows.filter(row => row.action === 'delete')).toHaveLength(1000);
    expect((await test.revisions()).map(row => row.id)).toEqual([1, 2, 3]);
    const gone = rows.find(row => row.action === 'delete' && row.object === `Post:${rows[501]!.object.slice(5)}`);
    expect(gone!.old).toEqual({ title: 'u501', slug: null, author: null, views: 501, meta: { n: 501 } });
  });
});

/** SQL that the ORM's own driver sends while `fn` runs. */
async function statementsOf(test: TestOrm, fn: () => Promise<unknown>): Promise<string[]> {
  const statements: string[] = [];
  const logger = test.orm.config.getLogger();
  const logQuery = logger.logQuery.bind(logger);
  logger.logQuery = context => {
    statements.push(String(context.query));
    logQuery(context);
  };
  try {
    await fn();
  } finally {
    logger.logQuery = logQuery;
  }
  return statements;
}
