import { Cascade, Collection, defineEntity, p } from '@mikro-orm/core';
import { HistoryService, RevisionContext, SnapshotService } from '@revy/mikro-orm';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Comment, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

let test: TestOrm;
let em: EntityManager;
let post: Post;
beforeAll(async () => {
  test = await createOrm(undefined, { revy: { bypass: { query: 'ignore' } } });
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.database.query('truncate "user", post, tag, comment, post_tags restart identity cascade');
  em = test.orm.em.fork();
  const author = em.create(User, { name: 'Ann', email: null });
  post = em.create(Post, { title: 'Hello', slug: null, views: 0, meta: null, author });
  em.create(Comment, { text: 'First', post });
  post.tags.add(em.create(Tag, { name: 'news' }), em.create(Tag, { name: 'old' }));
  await em.flush();
  await test.forget();
});

const titles = () => test.database.query('select title from post order by id');

describe('writes that go past the unit of work are not recorded', () => {
  it('query builders and SQL: QueryBuilder, Kysely, em.execute, other programs', async () => {
    await em.createQueryBuilder(Post).update({ title: 'built' }).where({ id: 1 }).execute();
    await em
      .getKysely()
      .updateTable('post' as never)
      .set({ title: 'kysely' } as never)
      .execute();
    await em.execute(`update post set slug = 'executed'`);
    await test.database.query('update post set views = 7');
    expect(await test.database.query('select title, slug, views from post')).toEqual([
      { title: 'kysely', slug: 'executed', views: 7 },
    ]);
    expect(await test.deltas()).toEqual([]);
  });

  it('a trigger that changes what is written: history has what the ORM sent', async () => {
    await test.database.query(`
      create function shout() returns trigger language plpgsql as
      $$ begin new.title := upper(new.title); return new; end $$;
      create trigger shout before update on post for each row execute function shout()`);
    post.title = 'quiet';
    await em.flush();
    await test.database.query('drop trigger shout on post');
    expect(await titles()).toEqual([{ title: 'QUIET' }]);
    expect(await test.deltas()).toMatchObject([{ new: { title: 'quiet' } }]);
  });

  it('the next flush that loads the row records what was really there before it', async () => {
    await test.database.query(`update post set title = 'native'`);
    const fresh = test.orm.em.fork();
    (await fresh.findOneOrFail(Post, 1)).title = 'flushed';
    await fresh.flush();
    expect(await test.deltas()).toMatchObject([{ old: { title: 'native' }, new: { title: 'flushed' } }]);
  });
});

describe('cascades', () => {
  it('cascades of the ORM are recorded, if what they take along was loaded', async () => {
    class Thread {
      id!: number;
      replies = new Collection<Reply>(this);
    }
    class Reply {
      id!: number;
      thread!: Thread;
    }
    const schemas = [
      defineEntity({
        class: Thread,
        properties: {
          id: p.integer().primary(),
          replies: () => p.oneToMany(Reply).mappedBy('thread').cascade(Cascade.PERSIST, Cascade.REMOVE),
        },
      }),
      defineEntity({ class: Reply, properties: { id: p.integer().primary(), thread: () => p.manyToOne(Thread) } }),
    ];
    const threads = await createOrm(schemas);
    const inner = threads.orm.em.fork();
    inner.create(Reply, { id: 1, thread: inner.create(Thread, { id: 1 }) });
    await inner.flush();
    await threads.forget();
    const fresh = threads.orm.em.fork();
    await fresh.remove(await fresh.findOneOrFail(Thread, 1, { populate: ['replies'] })).flush();
    expect(await threads.deltas()).toEqual(
      expect.arrayContaining(
        ['Reply:1', 'Thread:1'].map(object => expect.objectContaining({ object, action: 'delete' })),
      ),
    );
    await threads.close();
  });
});

it('P8: orm.schema.clear() empties the history with everything else, and says nothing', async () => {
  const said: string[] = [];
  const logger = test.orm.config.getLogger();
  const warn = logger.warn.bind(logger);
  logger.warn = (_, message) => void said.push(message);
  post.title = 'recorded';
  await em.flush();
  await test.orm.schema.clear();
  logger.warn = warn;
  expect([await titles(), await test.deltas(), await test.revisions(), said]).toEqual([[], [], [], []]);
});

describe('cascades into tenants', () => {
  it('are followed into the schema of the entity manager, and into no other', async () => {
    const Plan = defineEntity({ name: 'Plan', schema: 'registry', properties: { id: p.integer().primary() } });
    const Contract = defineEntity({
      name: 'Contract',
      schema: '*',
      properties: { id: p.integer().primary(), plan: () => p.manyToOne(Plan).deleteRule('cascade') },
    });
    const tenants = await createOrm([Plan, Contract]);
    try {
      await tenants.database.query('insert into registry.plan values (1)');
      for (const tenant of ['one', 'two']) {
        await tenants.database.query(`create schema ${tenant};
          create table ${tenant}.contract (id int primary key, plan_id int references registry.plan on delete cascade);
          insert into ${tenant}.contract values (1, 1)`);
      }
      await tenants.orm.em.fork({ schema: 'one' }).nativeDelete(Plan, 1);
      expect((await tenants.deltas()).map(({ object }) => object)).toEqual(['Contract@one:1', 'Plan:1']);
      expect(await tenants.database.query('select * from two.contract')).toEqual([]);
    } finally {
      await tenants.close();
    }
  });
});

describe('collections', () => {
  it('set() on one that was not loaded: what it removes is seen', async () => {
    const fresh = test.orm.em.fork();
    const bare = await fresh.findOneOrFail(Post, 1);
    bare.tags.set([fresh.getReference(Tag, 2)]);
    await fresh.flush();
    expect(await test.database.query('select tag_id from post_tags')).toEqual([{ tag_id: 2 }]);
    expect(await test.deltas()).toMatchObject([{ new: { tags: { added: [], removed: [1] } } }]);
  });

  it('of a loaded one all is seen', async () => {
    post.tags.set([em.create(Tag, { name: 'new' }), post.tags[1]!]);
    await em.flush();
    const [, link] = await test.deltas().then(deltas => deltas.toSorted((a, b) => (a.object < b.object ? 1 : -1)));
    expect(link).toMatchObject({ object: 'Post:1', new: { tags: { added: [3], removed: [1] } } });
  });

  it('are not in snapshots', async () => {
    post.title = 'Hello, world';
    await em.flush();
    const snapshot = await new SnapshotService(em).at(Post, 1, { version: 1 });
    expect(snapshot!.entity.tags.isInitialized()).toBe(false);
    expect(snapshot!.unknown).toEqual([]);
  });
});

it('a changed primary key is recorded as the end of one object and the beginning of another', async () => {
  const tag = await em.findOneOrFail(Tag, 1);
  await test.database.query('truncate post_tags');
  tag.id = 9;
  await em.flush();
  expect(await test.deltas()).toMatchObject([
    { object: 'Tag:1', action: 'delete' },
    { object: 'Tag:9', action: 'create', new: { name: 'news' } },
  ]);
});

describe('while tracking is disabled', () => {
  it('changes leave a gap: snapshots show the last recorded state, the next delta the real old value', async () => {
    post.title = 'recorded';
    await em.flush();
    await RevisionContext.runDisabled(async () => {
      post.title = 'secret';
      await em.flush();
    });
    expect((await new SnapshotService(em).at(Post, 1, new Date()))!.entity.title).toBe('recorded');
    post.title = 'recorded again';
    await em.flush();
    const deltas = await new HistoryService(em).deltas(Post, 1);
    expect(deltas.map(({ oldValues, newValues }) => [oldValues!['title'], newValues!['title']])).toEqual([
      ['Hello', 'recorded'],
      ['secret', 'recorded again'],
    ]);
  });
});

it('what cancels out within a transaction is not recorded', async () => {
  await em.transactional(async inner => {
    const there = await inner.findOneOrFail(Post, 1);
    there.title = 'There';
    await inner.flush();
    there.title = 'Hello';
    await inner.flush();
    const brief = inner.create(Tag, { name: 'brief' });
    await inner.flush();
    await inner.remove(brief).flush();
  });
  expect(await test.revisions()).toEqual([]);
});

describe('a table-per-type object', () => {
  it('of which another entity manager has left the part above: what is written to that part alone is told of what it was', async () => {
    const Vehicle = defineEntity({
      name: 'Vehicle',
      inheritance: 'tpt',
      properties: { id: p.integer().primary(), label: p.string() },
    });
    const Car = defineEntity({ name: 'Car', extends: Vehicle, properties: { doors: p.integer() } });
    const fleet = await createOrm([Vehicle, Car]);
    try {
      const em = fleet.orm.em.fork();
      em.create(Car, { id: 1, label: 'a', doors: 4 });
      await em.flush();
      const car = await em.findOneOrFail(Car, 1);
      await em.fork().nativeDelete(Car, 1);
      await fleet.forget();
      car.label = 'b';
      await em.flush();
      expect(await fleet.database.query('select label from vehicle')).toEqual([{ label: 'b' }]);
      expect(await fleet.deltas()).toMatchObject([{ object: 'Car:1', new: { label: 'b' } }]);
    } finally {
      await fleet.close();
    }
  });
});
