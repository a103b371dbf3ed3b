import { wrap } from '@mikro-orm/core';
import { RevisionContext, SnapshotService, UnknownVersionError } from '@revy/mikro-orm';
import { Comment, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

let test: TestOrm;
beforeAll(async () => {
  test = await createOrm();
});
afterAll(() => test.close());

async function writePost(): Promise<{ id: number; author: number }> {
  const em = test.orm.em.fork();
  const author = em.create(User, { name: 'Ann', email: null });
  const post = em.create(Post, { title: 'first', slug: 's', views: 1, meta: { deep: { list: [1, 2] } }, author });
  em.create(Comment, { text: 'nice', post });
  post.tags.add(em.create(Tag, { name: 'news' }));
  await em.flush();
  post.title = 'second';
  post.meta = { deep: { list: [3] } };
  await em.flush();
  return { id: post.id, author: author.id };
}

const rowsOf = () =>
  test.database.query(`
select (select jsonb_agg(to_jsonb(p) order by id) from post p) as posts, (select jsonb_agg(to_jsonb(u) order by id) from "user" u) as users,
       (select jsonb_agg(to_jsonb(c) order by id) from comment c) as comments, (select jsonb_agg(to_jsonb(t)) from post_tags t) as tags,
       (select jsonb_agg(to_jsonb(d) order by id) from revy_object_delta d) as deltas`);

describe('I7: a snapshot is a detached copy', () => {
  it('changing it changes neither the live object, nor the row, nor what the caller’s entity manager flushes', async () => {
    const { id, author } = await writePost();
    const em = test.orm.em.fork();
    const live = await em.findOneOrFail(Post, id, { populate: ['author'] });
    const before = await rowsOf();
    const { entity } = (await new SnapshotService(em).at(Post, id, { version: 1 }))!;
    expect(entity).not.toBe(live);
    expect(entity.author).not.toBe(live.author);
    entity.title = 'changed';
    entity.views = 99;
    entity.meta!.deep = 'gone';
    entity.author!.name = 'Eve';
    entity.tags.add(em.getReference(Tag, 1));
    entity.author = null;
    await em.flush();
    expect(await rowsOf()).toEqual(before);
    expect(live).toMatchObject({
      title: 'second',
      views: 1,
      meta: { deep: { list: [3] } },
      author: { id: author, name: 'Ann' },
    });
    expect(em.getUnitOfWork().getById(Post, id)).toBe(live);
  });

  it('leaves the caller’s identity map as it was, and later reads and changes go on as if nothing had been asked', async () => {
    const { id } = await writePost();
    const em = test.orm.em.fork();
    const snapshot = (await new SnapshotService(em).at(Post, id, { version: 1 }))!;
    expect(em.getUnitOfWork().getIdentityMap().values()).toEqual([]);
    expect(em.getUnitOfWork().getPersistStack().size).toBe(0);
    const live = await em.findOneOrFail(Post, id);
    live.slug = 'changed';
    await em.flush();
    expect(await test.database.query('select title, slug from post where id = $1', [id])).toEqual([
      { title: 'second', slug: 'changed' },
    ]);
    expect(snapshot.entity).toMatchObject({ title: 'first', slug: 's' });
    expect((await test.deltas()).at(-1)).toMatchObject({ old: { slug: 's' }, new: { slug: 'changed' } });
  });

  it('is not part of history: the same snapshot read again is untouched by what was done to the first', async () => {
    const { id } = await writePost();
    const snapshots = new SnapshotService(test.orm.em.fork());
    const first = (await snapshots.at(Post, id, { version: 1 }))!;
    first.entity.title = 'changed';
    (first.entity.meta!.deep as { list: number[] }).list.push(9);
    const second = (await snapshots.at(Post, id, { version: 1 }))!;
    expect(second.entity).not.toBe(first.entity);
    expect(second.entity).toMatchObject({ title: 'first', meta: { deep: { list: [1, 2] } } });
  });

  it('says that its relations are references and its collections are not loaded', async () => {
    const { id, author } = await writePost();
    const { entity, unknown } = (await new SnapshotService(test.orm.em.fork()).at(Post, id, { version: 1 }))!;
    expect(unknown).toEqual([]);
    expect(entity.author).toBeInstanceOf(User);
    expect(entity.author!.id).toBe(author);
    expect(wrap(entity.author!).isInitialized()).toBe(false);
    expect([entity.comments.isInitialized(), entity.tags.isInitialized()]).toEqual([false, false]);
  });

  it('is plain to whoever prints or serialises it', async () => {
    const { id, author } = await writePost();
    const { entity } = (await new SnapshotService(test.orm.em.fork()).at(Post, id, { version: 1 }))!;
    expect(JSON.parse(JSON.stringify(entity))).toMatchObject({ id, title: 'first', slug: 's', views: 1, author });
    expect(wrap(entity).toPOJO()).toMatchObject({ id, title: 'first', meta: { deep: { list: [1, 2] } } });
  });
});

describe('reading', () => {
  it('A8: never writes: no point and no failure leaves anything behind', async () => {
    const { id } = await writePost();
    const em = test.orm.em.fork();
    const snapshots = new SnapshotService(em);
    const before = await rowsOf();
    const sent = await statementsOf(async () => {
      for (const point of [{ version: 1 }, { version: 2 }, { before: 1 }, new Date()])
        await snapshots.at(Post, id, point);
      await expect(snapshots.at(Post, id, { version: 3 })).rejects.toThrow(UnknownVersionError);
      await em.flush();
    });
    expect(sent.filter(sql => !/^(select|with recursive) /.test(sql))).toEqual([]);
    expect(await rowsOf()).toEqual(before);
  });

  it('in a transaction sees its pending changes, and they go with its rollback', async () => {
    const { id } = await writePost();
    const em = test.orm.em.fork();
    const before = await rowsOf();
    await em.begin();
    const post = await em.findOneOrFail(Post, id);
    post.title = 'third';
    await em.flush();
    const inside = new SnapshotService(em);
    expect(await inside.at(Post, id, { version: 3 })).toMatchObject({ entity: { title: 'third' }, isLive: true });
    expect((await inside.at(Post, id, { version: 2 }))!.entity.title).toBe('second');
    post.title = 'fourth';
    await em.flush();
    expect(await inside.at(Post, id, { version: 3 })).toMatchObject({ entity: { title: 'fourth' }, isLive: true });
    await expect(inside.at(Post, id, { version: 4 })).rejects.toThrow(UnknownVersionError);
    await expect(new SnapshotService(test.orm.em.fork()).at(Post, id, { version: 3 })).rejects.toThrow(
      UnknownVersionError,
    );
    await em.rollback();
    expect(await rowsOf()).toEqual(before);
  });

  it('in a transaction that commits leaves one revision and one delta per object', async () => {
    const { id } = await writePost();
    await test.forget();
    const em = test.orm.em.fork();
    await em.transactional(async inner => {
      const post = await inner.findOneOrFail(Post, id);
      for (const title of ['a', 'b', 'c']) {
        post.title = title;
        await inner.flush();
        expect((await new SnapshotService(inner).at(Post, id, new Date(Date.now() + 60_000)))!.entity.title).toBe(
          title,
        );
      }
      const comment = inner.create(Comment, { text: 'gone', post });
      await inner.flush();
      const snapshot = await new SnapshotService(inner).at(Comment, comment.id, { version: 1 });
      expect(snapshot!.entity).toMatchObject({ text: 'gone', post: { id } });
      await inner.remove(comment).flush();
      expect(await new SnapshotService(inner).at(Comment, comment.id, new Date(Date.now() + 60_000))).toBeNull();
    });
    expect(await test.deltas()).toEqual([
      {
        revision: 1,
        action: 'update',
        object: `Post:${id}`,
        old: { title: 'second' },
        new: { title: 'c' },
        actor: null,
        description: null,
      },
    ]);
    expect(await test.revisions()).toHaveLength(1);
  });

  it('finds what `em.transactional` changed through an entity manager that follows the context, as MikroORM’s own finds do', async () => {
    const { id } = await writePost();
    const em = test.orm.em.fork({ useContext: true });
    const snapshots = new SnapshotService(em);
    await em.transactional(async inner => {
      (await inner.findOneOrFail(Post, id)).title = 'inner';
      await inner.flush();
      expect((await snapshots.at(Post, id, { version: 3 }))!.entity.title).toBe('inner');
    });
  });

  it('ignores the application’s filters, and the frame that it is asked in', async () => {
    const { id } = await writePost();
    const em = test.orm.em.fork();
    em.addFilter({ name: 'hidden', cond: { id: -1 }, entity: [Post], default: true });
    const read = () => new SnapshotService(em).at(Post, id, { version: 1 });
    expect((await read())!.entity.title).toBe('first');
    expect((await RevisionContext.runDisabled(read))!.entity.title).toBe('first');
    const deleted = await RevisionContext.run({ actor: null, revisionDescription: 'x' }, read);
    expect(deleted!.entity.title).toBe('first');
  });
});
