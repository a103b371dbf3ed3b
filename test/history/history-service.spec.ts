import { DriverException } from '@mikro-orm/core';
import { AttributeDelta, HistoryService, ObjectDelta, Revision, RevisionContext, SystemActor } from '@revy/mikro-orm';
import { Comment, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

/** Eleven revisions, a few milliseconds apart, of one post and two others' doings. */
async function writeHistory(test: TestOrm) {
  const em = test.orm.em.fork();
  const pause = () => new Promise(resolve => setTimeout(resolve, 3));
  const [ann, bob] = ['Ann', 'Bob'].map(name => em.create(User, { name, email: null })) as [User, User];
  await em.flush(); // 1
  await pause();
  const importer = new SystemActor('importer');
  const post = await RevisionContext.run({ actor: ann, revisionDescription: 'written' }, async () => {
    const made = em.create(Post, { title: 'one', slug: null, views: 0, meta: null, author: ann });
    await em.flush(); // 2
    return made;
  });
  for (const [actor, values, description] of [
    [bob, { title: 'two' }, 'edited'], // 3
    [importer, { views: 10 }, 'counted'], // 4
    [null, { slug: 'two', meta: { a: 1 } }, 'edited'], // 5
    [ann, { title: 'three', views: 0 }, null], // 6
    [bob, { slug: null, meta: { a: [] } }, 'edited'], // 7
    [importer, { views: 11, author: null }, 'counted'], // 8
  ] as const) {
    await pause();
    Object.assign(post, values);
    await RevisionContext.run(
      { actor, revisionDescription: description, objectDeltaDescription: description && `${description}!` },
      () => em.flush(),
    );
  }
  await pause();
  await RevisionContext.run({ actor: ann }, async () => {
    RevisionContext.run({ actor: bob, attributeDeltaDescription: 'as Bob said' }, () => {
      post.title = 'four';
    });
    post.views = 12;
    em.create(Comment, { text: 'a comment', post });
    post.tags.add(em.create(Tag, { name: 'news' }));
    await em.flush(); // 9
  });
  const { id } = post;
  await pause();
  await RevisionContext.run({ actor: bob, revisionDescription: 'gone' }, async () => {
    const other = test.orm.em.fork();
    await other.remove(await other.findOneOrFail(Post, id, { populate: ['comments', 'tags'] })).flush(); // 10
  });
  return { ann, bob, importer, id };
}

let test: TestOrm;
let it_: Awaited<ReturnType<typeof writeHistory>>;
let times: Date[];
const history = () => new HistoryService(test.orm.em.fork());
const versions = (deltas: readonly ObjectDelta[]) => deltas.map(({ version }) => version);
const ids = (revisions: readonly Revision[]) => revisions.map(({ id }) => id);
beforeAll(async () => {
  test = await createOrm();
  it_ = await writeHistory(test);
  const rows = await test.database.query<{ at: Date }>('select recorded_at as at from revy_revision order by id');
  times = rows.map(({ at }) => at);
});
afterAll(() => test.close());

describe('revisions', () => {
  it('come in order, oldest first or newest first', async () => {
    expect(ids(await history().revisions())).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(ids(await history().revisions({ order: 'asc' }))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(ids(await history().revisions({ order: 'desc' }))).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  });

  it('have values and types of their own', async () => {
    const [revision] = await history().revisions({ limit: 1, after: 1 });
    expect(revision).toBeInstanceOf(Revision);
    expect(revision).toMatchObject({
      id: 2,
      recordedAt: times[1],
      description: 'written',
      actorType: 'User',
      actorId: String(it_.ann.id),
      metadata: null,
      reverts: null,
      transactionId: expect.stringMatching(/^\d+$/),
    });
  });

  it('K4, K9: are found by actor: an entity, a named system, or the system', async () => {
    expect(ids(await history().revisions({ actor: it_.ann }))).toEqual([2, 6, 9]);
    expect(ids(await history().revisions({ actor: it_.bob }))).toEqual([3, 7, 10]);
    expect(ids(await history().revisions({ actor: new SystemActor('importer') }))).toEqual([4, 8]);
    expect(ids(await history().revisions({ actor: new SystemActor('other') }))).toEqual([]);
    expect(ids(await history().revisions({ actor: null }))).toEqual([1, 5]);
    const reference = test.orm.em.fork().getReference(User, it_.bob.id);
    expect(ids(await history().revisions({ actor: reference }))).toEqual([3, 7, 10]);
  });

  it('are found by description', async () => {
    expect(ids(await history().revisions({ description: 'edited' }))).toEqual([3, 5, 7]);
    expect(ids(await history().revisions({ description: "edited' or true --" }))).toEqual([]);
  });

  it('K8: are found by time, both ends included', async () => {
    expect(ids(await history().revisions({ since: times[7] }))).toEqual([8, 9, 10]);
    expect(ids(await history().revisions({ until: times[2] }))).toEqual([1, 2, 3]);
    expect(ids(await history().revisions({ since: times[2], until: times[4] }))).toEqual([3, 4, 5]);
    expect(
      ids(
        await history().revisions({
          since: new Date(times[2]!.getTime() + 1),
          until: new Date(times[4]!.getTime() - 1),
        }),
      ),
    ).toEqual([4]);
    expect(ids(await history().revisions({ since: new Date(Date.now() + 60_000) }))).toEqual([]);
  });

  it('come in pages that continue behind the last one, in either order, with the other filters', async () => {
    const pages = async (order: 'asc' | 'desc', limit: number, filter = {}) => {
      const seen: number[][] = [];
      for (let after: number | undefined; ; after = seen.at(-1)!.at(-1)) {
        const page = ids(await history().revisions({ ...filter, order, limit, after }));
        if (page.length === 0) return seen;
        seen.push(page);
      }
    };
    expect(await pages('asc', 4)).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
      [9, 10],
    ]);
    expect(await pages('desc', 3)).toEqual([[10, 9, 8], [7, 6, 5], [4, 3, 2], [1]]);
    expect(await pages('desc', 2, { description: 'edited' })).toEqual([[7, 5], [3]]);
  });

  it('take one statement', async () => {
    expect(await statementsOf(() => history().revisions({ actor: it_.ann, since: times[0], limit: 3 }))).toHaveLength(
      1,
    );
  });
});

describe('deltas', () => {
  const deltas = (filter = {}) => history().deltas(Post, it_.id, filter);

  it('K11: tell what happened to one object, in order or in reverse, after its deletion as well', async () => {
    expect((await deltas()).map(({ action }) => action)).toEqual(['create', ...Array(7).fill('update'), 'delete']);
    expect(versions(await deltas({ order: 'desc' }))).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
    expect(await deltas({ limit: 1, order: 'desc' })).toMatchObject([
      {
        action: 'delete',
        objectType: 'Post',
        objectId: String(it_.id),
        oldValues: { title: 'four', slug: null, views: 12, author: null },
        newValues: null,
      },
    ]);
    expect(await history().deltas(Post, 999)).toEqual([]);
  });

  it('come with their revision loaded, in one statement', async () => {
    const sent = await statementsOf(async () => {
      const [first] = await deltas();
      expect(first!.revision).toMatchObject({ id: 2, description: 'written', recordedAt: times[1] });
    });
    expect(sent).toHaveLength(1);
  });

  it('are found by attribute, changed, set or unset', async () => {
    expect(versions(await deltas({ changed: 'title', action: 'update' }))).toEqual([2, 5, 8]);
    expect(versions(await deltas({ changed: 'slug', action: 'update' }))).toEqual([4, 6]);
    expect(versions(await deltas({ changed: 'author', action: 'update' }))).toEqual([7]);
    expect(versions(await deltas({ changed: 'meta', action: 'update' }))).toEqual([4, 6]);
    expect(versions(await deltas({ changed: 'tags', action: 'update' }))).toEqual([8]);
    expect(versions(await deltas({ changed: 'title' }))).toEqual([1, 2, 5, 8, 9]);
  });

  it('are found by action, actor, description, time and revision', async () => {
    expect(versions(await deltas({ action: 'create' }))).toEqual([1]);
    expect(versions(await deltas({ action: 'delete' }))).toEqual([9]);
    expect(versions(await deltas({ actor: it_.bob }))).toEqual([2, 6, 9]);
    expect(versions(await deltas({ actor: null }))).toEqual([4]);
    expect(versions(await deltas({ actor: it_.importer }))).toEqual([3, 7]);
    expect(versions(await deltas({ description: 'edited!' }))).toEqual([2, 4, 6]);
    expect(versions(await deltas({ since: times[2], until: times[3] }))).toEqual([2, 3]);
    expect(versions(await deltas({ revision: 5 }))).toEqual([4]);
    const [revision] = await history().revisions({ after: 4, limit: 1 });
    expect(versions(await deltas({ revision }))).toEqual([4]);
    expect(versions(await deltas({ revision: 999 }))).toEqual([]);
    expect(versions(await deltas({ revision: new Revision() }))).toEqual([]);
  });

  it('must meet all the filters at once', async () => {
    expect(versions(await deltas({ actor: it_.bob, changed: 'slug' }))).toEqual([6]);
    expect(versions(await deltas({ revision: 5, until: times[2] }))).toEqual([]);
    expect(versions(await deltas({ revision: 5, since: times[4], until: times[4] }))).toEqual([4]);
    expect(versions(await deltas({ changed: 'title', since: times[2], order: 'desc', limit: 2 }))).toEqual([9, 8]);
  });

  it('come in pages by their ids', async () => {
    const first = await deltas({ limit: 4 });
    const second = await deltas({ limit: 4, after: first.at(-1)!.id });
    const third = await deltas({ limit: 4, after: second.at(-1)!.id });
    expect([first, second, third].map(versions)).toEqual([[1, 2, 3, 4], [5, 6, 7, 8], [9]]);
    expect(versions(await deltas({ limit: 2, order: 'desc', after: second[0]!.id }))).toEqual([4, 3]);
  });

  it('neither fill nor follow the caller’s identity map', async () => {
    const em = test.orm.em.fork();
    const [delta] = await new HistoryService(em).deltas(Post, it_.id);
    expect(em.getUnitOfWork().getIdentityMap().values()).toEqual([]);
    delta!.description = 'forged';
    await em.flush();
    expect((await deltas())[0]!.description).toBeNull();
  });
});

describe('attribute deltas', () => {
  const THREE = { attribute: 'title', newValue: 'three' };
  const find = (where: object) =>
    test.orm.em
      .fork()
      .find(AttributeDelta, { objectType: 'Post', ...where }, { orderBy: { objectDelta: 'asc', position: 'asc' } });

  it('K7: are found by attribute and by the value from or to which it changed', async () => {
    expect(await find({ attribute: 'title', newValue: 'three' })).toMatchObject([
      {
        attribute: 'title',
        action: 'set',
        oldValue: 'two',
        newValue: 'three',
        isOldValueKnown: true,
        actorType: 'User',
        actorId: String(it_.ann.id),
        recordedAt: times[5],
      },
    ]);
    expect(await find({ attribute: 'title', oldValue: 'one' })).toMatchObject([{ newValue: 'two' }]);
    expect(await find({ attribute: 'views', newValue: 0 })).toMatchObject([
      { oldValue: null, newValue: 0 },
      { oldValue: 10, newValue: 0 },
    ]);
    expect(await find({ attribute: 'title', newValue: "three' or true --" })).toEqual([]);
    expect(await find({ attribute: 'slug', action: 'unset', objectDelta: { action: 'update' } })).toMatchObject([
      { oldValue: 'two', newValue: null },
    ]);
  });

  it('are found by their own actor and description, where one of several set them', async () => {
    const bobs = await find({ actorType: 'User', actorId: String(it_.bob.id), objectDelta: { action: 'update' } });
    expect(bobs.map(({ attribute, newValue }) => [attribute, newValue])).toEqual([
      ['title', 'two'],
      ['meta', { a: [] }],
      ['slug', null],
      ['title', 'four'],
    ]);
    expect(await find({ description: 'as Bob said' })).toMatchObject([
      { attribute: 'title', oldValue: 'three', newValue: 'four', actorId: String(it_.bob.id) },
    ]);
  });

  it('are joined with their revision and their object delta', async () => {
    const found = await test.orm.em
      .fork()
      .find(
        AttributeDelta,
        { revision: { description: 'counted' }, attribute: 'views' },
        { populate: ['revision', 'objectDelta'], orderBy: { newValue: 'asc' } },
      );
    expect(found.map(({ newValue, revision, objectDelta }) => [newValue, revision.id, objectDelta.version])).toEqual([
      [10, 4, 3],
      [11, 8, 7],
    ]);
  });

  it('A10: what a create left null is no attribute delta', async () => {
    const created = await find({ objectDelta: { action: 'create' } });
    expect(created.map(({ attribute }) => attribute).sort()).toEqual(['author', 'title', 'views']);
    expect(created.every(({ isOldValueKnown, oldValue }) => isOldValueKnown && oldValue === null)).toBe(true);
  });

  it('are read-only: no way of writing through the ORM reaches the history', async () => {
    const before = await test.attributes();
    const ways: Record<string, (em: ReturnType<TestOrm['orm']['em']['fork']>) => Promise<unknown>> = {
      change: async em => {
        (await em.findOneOrFail(AttributeDelta, THREE)).newValue = 'forged';
        await em.flush();
      },
      remove: async em => em.remove(await em.findOneOrFail(AttributeDelta, THREE)).flush(),
      create: em =>
        em.persist(em.create(AttributeDelta, { objectDelta: 1, attribute: 'forged', position: 1 } as never)).flush(),
      nativeUpdate: em => em.nativeUpdate(AttributeDelta, THREE, { newValue: 'forged' }),
      nativeDelete: em => em.nativeDelete(AttributeDelta, THREE),
      insert: em => em.insert(AttributeDelta, { attribute: 'title', position: 1 } as never),
    };
    // MikroORM leaves changed and new rows of a view out of its flush; all else is refused
    const isIgnored = (name: string) => name === 'change' || name === 'create';
    for (const [name, way] of Object.entries(ways)) {
      const writing = way(test.orm.em.fork());
      const failure = await writing.then(() => null).catch((error: unknown) => error);
      expect([name, failure instanceof DriverException]).toEqual([name, !isIgnored(name)]);
    }
    expect(await test.attributes()).toEqual(before);
  });
});

describe('everything changed in a revision', () => {
  it('K6: is grouped by type and action, in one statement; an unknown revision changed nothing', async () => {
    const [ninth] = await history().revisions({ after: 8, limit: 1 });
    const summary = async (revision: number | Revision) =>
      Object.fromEntries(
        Object.entries(await history().changes(revision)).map(([type, actions]) => [
          type,
          Object.fromEntries(
            Object.entries(actions).map(([action, of]) => [action, of.map(({ objectId }) => objectId)]),
          ),
        ]),
      );
    const expected = { Comment: { create: ['1'] }, Tag: { create: ['1'] }, Post: { update: [String(it_.id)] } };
    expect(await summary(9)).toEqual(expected);
    expect(await summary(ninth!)).toEqual(expected);
    expect(await summary(1)).toEqual({ User: { create: ['1', '2'] } });
    expect(await history().changes(999)).toEqual({});
    expect(await history().changes(new Revision())).toEqual({});
    const { Post: posts } = await history().changes(9);
    expect(posts!.update![0]).toMatchObject({ objectType: 'Post', revision: { id: 9 }, newValues: { title: 'four' } });
    expect(await statementsOf(() => history().changes(9))).toHaveLength(1);
  });

  it('K6: is listed by type and action; an unknown revision changed nothing', async () => {
    const em = test.orm.em.fork();
    const changed = await em.find(ObjectDelta, { revision: 10 }, { orderBy: { id: 'asc' } });
    expect(changed.map(({ action, objectType }) => `${action} ${objectType}`).sort()).toEqual([
      'delete Comment',
      'delete Post',
    ]);
    expect(await em.find(ObjectDelta, { revision: 999 })).toEqual([]);
    const revision = await em.findOneOrFail(Revision, 9, { populate: ['objectDeltas'] });
    expect(
      revision.objectDeltas
        .getItems()
        .map(({ objectType, action }) => `${action} ${objectType}`)
        .sort(),
    ).toEqual(['create Comment', 'create Tag', 'update Post']);
  });

  it('G15: names an object once, however often it was flushed in it', async () => {
    const em = test.orm.em.fork();
    await em.transactional(async inner => {
      const user = await inner.findOneOrFail(User, it_.ann.id);
      for (const name of ['x', 'y', 'z']) {
        user.name = name;
        await inner.flush();
      }
    });
    const [last] = await history().revisions({ order: 'desc', limit: 1 });
    const types = await em.find(ObjectDelta, { revision: last!.id });
    expect(types).toMatchObject([{ objectType: 'User', oldValues: { name: 'Ann' }, newValues: { name: 'z' } }]);
  });
});

describe('in a transaction', () => {
  it('history is read with what the transaction has changed so far', async () => {
    const em = test.orm.em.fork();
    await em.begin();
    const user = em.create(User, { name: 'pending', email: null });
    await em.flush();
    const inside = new HistoryService(em);
    expect(await inside.deltas(User, user.id)).toMatchObject([{ action: 'create', newValues: { name: 'pending' } }]);
    expect((await inside.revisions({ order: 'desc', limit: 1 }))[0]!.id).toBeGreaterThan(10);
    expect(await history().deltas(User, user.id)).toEqual([]);
    await em.rollback();
    expect(await history().deltas(User, user.id)).toEqual([]);
  });
});
