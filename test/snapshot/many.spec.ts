import {
  type Revision,
  type Snapshot,
  SnapshotService,
  UnknownRevisionError,
  UnusableKeyError,
  UnusablePointError,
} from '@revy/mikro-orm';
import { Post, User } from '../support/blog.js';
import { contents } from '../support/contents.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

describe('many', () => {
  let test: TestOrm;
  let snapshots: SnapshotService;
  let ids: number[];
  let revisions: { id: number; at: Date }[];

  beforeAll(async () => {
    test = await createOrm(undefined, { revy: { keyframeEvery: 3 } });
    snapshots = new SnapshotService(test.orm.em.fork());
    const em = test.orm.em.fork();
    const author = em.create(User, { name: 'Ann', email: null });
    await em.flush();
    const posts = [1, 2, 3, 4, 5].map(n =>
      em.create(Post, { title: `post ${n}`, slug: null, views: n, meta: { n }, author }),
    );
    await em.flush();
    for (let n = 1; n <= 20; n++) {
      // each post has another rhythm, so that their histories differ in length at each point
      for (const [index, post] of posts.entries()) if (n % (index + 1) === 0) post.views += 100;
      posts[0]!.title = `post 1, ${n}`;
      if (n === 15) em.remove(posts[4]!);
      await em.flush();
      await test.database.query('select pg_sleep(0.0015)');
    }
    ids = posts.map(({ id }) => id);
    revisions = await test.database.query('select id::int, recorded_at as at from revy_revision order by id');
  });
  afterAll(() => test.close());

  const plain = (one: Snapshot<Post>) => {
    const { author, comments: _comments, tags: _tags, ...values } = contents(one.entity) as unknown as Post;
    return { ...one, entity: { ...values, author: author?.id }, revision: one.revision && revisionOf(one.revision) };
  };
  const revisionOf = ({ id, recordedAt, description }: Revision) => ({ id, recordedAt, description });

  it('I9: gives at each point what at() gives for each object', async () => {
    for (const { id: revision, at } of revisions) {
      for (const point of [{ revision }, { before: revision }, { after: revision }, at, new Date(at.getTime() - 1)]) {
        const single = await Promise.all(ids.map(id => snapshots.at(Post, id, point, { includeDeleted: true })));
        const many = await snapshots.many(Post, ids, point, { includeDeleted: true });
        expect(many.map(plain)).toEqual(single.flatMap(one => (one ? plain(one) : [])));
        expect((await snapshots.many(Post, ids, point)).map(({ entity }) => entity.id)).toEqual(
          single.flatMap(one => (one && !one.isDeleted ? one.entity.id : [])),
        );
      }
    }
  });

  it('gives the latest states without a point, in the order of the keys, each object once', async () => {
    const [a, b, c] = ids as [number, number, number];
    const found = await snapshots.many(Post, [c, a, c, 12_345, b]);
    expect(found.map(({ entity }) => [entity.id, entity.views])).toEqual([
      [c, 603],
      [a, 2001],
      [b, 1002],
    ]);
    expect(found.map(({ isLive, version }) => [isLive, version])).toEqual([
      [true, 7],
      [true, 21],
      [true, 11],
    ]);
    expect(found[0]!.entity).toBeInstanceOf(Post);
    expect(await snapshots.many(Post, [])).toEqual([]);
  });

  it('I9, R4: takes two statements, however many objects there are and wherever the point lies', async () => {
    const em = test.orm.em.fork();
    const users = Array.from({ length: 300 }, (_, n) => em.create(User, { name: `user ${n}`, email: null }));
    await em.flush();
    for (const user of users.slice(0, 200)) user.name += '!';
    await em.flush();
    const [{ id }] = (await test.database.query('select max(id)::int as id from revy_revision')) as [{ id: number }];
    for (const [count, point] of [
      [1, { revision: id }],
      [300, { revision: id }],
      [300, { before: id }],
      [300, new Date(Date.now() + 60_000)],
      [300, undefined],
    ] as const) {
      const keys = users.slice(0, count).map(user => user.id);
      const sent = await statementsOf(async () => expect(await snapshots.many(User, keys, point)).toHaveLength(count));
      expect(sent).toHaveLength(2);
    }
  });

  it('refuses what is no key, no point of several objects, and no revision', async () => {
    await expect(snapshots.many(Post, ['one'] as never)).rejects.toThrow(UnusableKeyError);
    await expect(snapshots.many(Post, ids, { version: 1 } as never)).rejects.toThrow(UnusablePointError);
    await expect(snapshots.many(Post, ids, { revision: 9999 })).rejects.toThrow(UnknownRevisionError);
  });
});
