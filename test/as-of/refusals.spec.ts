import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { AsOfEndedError, AsOfStatementError, AsOfWriteError, RevisionContext, SnapshotService } from '@revy/mikro-orm';
import { BLOG, Comment, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { dumpLive } from './truth.js';

const TABLES = ['"user"', 'tag', 'post', 'comment', 'post_tags', 'revy_revision', 'revy_object_delta'];

let test: TestOrm;
let snapshots: SnapshotService<SqlEntityManager>;
beforeAll(async () => {
  test = await createOrm(BLOG, { revy: { bypass: { query: 'throw' } } });
  snapshots = new SnapshotService(test.orm.em.fork() as SqlEntityManager);
  const em = test.orm.em.fork();
  const author = em.create(User, { name: 'Ann', email: null });
  const post = em.create(Post, { title: 'One', slug: null, views: 0, meta: null, author });
  post.tags.add(em.create(Tag, { name: 'a' }));
  await em.flush();
  post.title = 'Two';
  await em.flush();
});
afterAll(() => test.close());

const PAST = { revision: 1 };

describe('a write as of a point', () => {
  const kysely = (em: SqlEntityManager) => em.getKysely<{ tag: { id: number; name: string } }>();

  const writes: Record<string, (em: SqlEntityManager) => Promise<unknown>> = {
    'a changed entity': async em => {
      (await em.findOneOrFail(Post, 1)).title = 'changed';
      await em.flush();
    },
    'a new entity': async em => {
      em.create(Tag, { name: 'new' });
      await em.flush();
    },
    'a removed entity': async em => {
      em.remove(await em.findOneOrFail(Post, 1));
      await em.flush();
    },
    'a changed collection': async em => {
      const post = await em.findOneOrFail(Post, 1, { populate: ['tags'] });
      post.tags.removeAll();
      await em.flush();
    },
    'a query before which the ORM flushes': async em => {
      em.create(Tag, { name: 'new' });
      await em.find(Tag, {}, { flushMode: 'always' });
    },
    'a nested transaction': async em =>
      em.transactional(async inner => {
        (await inner.findOneOrFail(Post, 1)).title = 'changed';
      }),
    'the global entity manager': async () => {
      (await test.orm.em.findOneOrFail(Post, 1)).title = 'changed';
      await test.orm.em.flush();
    },
    'em.insert': async em => em.insert(Tag, { name: 'b' }),
    'em.upsert': async em => em.upsert(Tag, { id: 1, name: 'b' }),
    'em.nativeUpdate': async em => em.nativeUpdate(Tag, {}, { name: 'b' }),
    'em.nativeDelete': async em => em.nativeDelete(Post, 1),
    'a query builder': async em => em.createQueryBuilder(Tag).update({ name: 'b' }).execute(),
    Kysely: async em => kysely(em).deleteFrom('tag').execute(),
    SQL: async em => em.execute('delete from post'),
    'SQL in a query': async em => em.execute('with gone as (delete from tag returning *) select * from gone'),
    'a definition': async em => em.execute('create table t (id int)').catch(notKnown),
    'a function that writes': async em => em.execute(`select nextval('post_id_seq')`),
    'a lock': async em => em.findOne(Post, 1, { lockMode: 4 }),
    'SQL with a lock': async em => em.execute('select * from post for no key update'),
    'EXPLAIN ANALYZE of a write': async em => em.execute('explain analyze delete from tag'),
    'its COMMIT': async em => em.commit(),
    'a transaction of its own': async em => em.getConnection().transactional(async () => em.execute('delete from tag')),
  };

  /** What is neither a query nor a write is refused by another name. */
  const notKnown = (error: unknown) => {
    expect(error).toBeInstanceOf(AsOfStatementError);
    throw new AsOfWriteError('CREATE');
  };

  it.each(Object.entries(writes))('is refused by its name: %s', async (_, write) => {
    const before = await dumpLive(test, TABLES);
    await expect(snapshots.asOf(PAST, write)).rejects.toBeInstanceOf(AsOfWriteError);
    expect(await dumpLive(test, TABLES)).toEqual(before);
  });

  it('leaves the reader as it was, where nothing had reached the database', async () => {
    await snapshots.asOf(PAST, async em => {
      const post = await em.findOneOrFail(Post, 1);
      post.title = 'changed';
      await expect(em.flush()).rejects.toBeInstanceOf(AsOfWriteError);
      await expect(em.nativeDelete(Post, 1)).rejects.toBeInstanceOf(AsOfWriteError);
      expect(await em.fork().findOneOrFail(Post, 1)).toMatchObject({ title: 'One' });
    });
  });

  it('J8: an entity of the past that gets into the present changes no row of its own', async () => {
    const [past] = await snapshots.asOf(PAST, em => em.find(Post, {}, { populate: ['author', 'tags'] }));
    const em = test.orm.em.fork();
    em.create(Comment, { text: 'on the past', post: em.getReference(Post, past!.id) });
    await em.flush();
    const rows = await test.database.query('select title from post');
    expect([past!.title, rows]).toEqual(['One', [{ title: 'Two' }]]);
  });

  it('is not what a flush without changes is', async () => {
    await snapshots.asOf(PAST, async em => {
      await em.find(Post, {});
      await em.flush();
      await em.transactional(async inner => {
        expect(await inner.findOneOrFail(Post, 1)).toMatchObject({ title: 'One' });
      });
    });
  });

  it('leaves the context alone', async () => {
    await RevisionContext.run({ revisionDescription: 'mine' }, () =>
      snapshots.asOf(PAST, async () => {
        expect(RevisionContext.get('revisionDescription')).toBe('mine');
        RevisionContext.set('revisionDescription', 'other');
        expect(RevisionContext.get('revisionDescription')).toBe('other');
      }),
    );
  });
});

describe('an entity manager of asOf', () => {
  it('ends with its callback, with its forks, its builders and what it has not loaded', async () => {
    const kept = await snapshots.asOf(PAST, async em => ({
      em,
      fork: em.fork(),
      builder: em.createQueryBuilder(Post),
      kysely: em.getKysely<{ post: { id: number } }>().selectFrom('post').selectAll(),
      post: await em.findOneOrFail(Post, 1),
    }));
    for (const use of [
      () => kept.em.find(Post, {}),
      () => kept.fork.count(Post),
      () => kept.builder.getResultList(),
      () => kept.kysely.execute(),
      () => kept.em.execute('select 1'),
      () => kept.post.tags.loadItems(),
      () => new SnapshotService(kept.em).asOf(PAST, async () => {}),
    ]) {
      await expect(use()).rejects.toBeInstanceOf(AsOfEndedError);
    }
  });

  it('gives its connection back, also when its callback fails', async () => {
    for (let i = 0; i < 15; i++) {
      await expect(snapshots.asOf(PAST, () => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
    }
    expect(await snapshots.asOf(PAST, em => em.count(Post))).toBe(1);
    expect(await test.orm.em.fork().findOneOrFail(Post, 1)).toMatchObject({ title: 'Two' });
  });
});
