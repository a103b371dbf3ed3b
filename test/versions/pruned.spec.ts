import { HistoryService, SnapshotService } from '@revy/mikro-orm';
import { Post } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

// Whoever deletes old revisions with their deltas leaves histories that begin in the middle.

let test: TestOrm;
beforeAll(async () => {
  test = await createOrm(undefined, { revy: { keyframeEvery: 64 } });
  const em = test.orm.em.fork();
  const post = em.create(Post, { title: 'one', slug: 'a', views: 0 } as never) as Post;
  await em.flush();
  for (const [index, title] of ['two', 'three', 'four', 'five'].entries()) {
    Object.assign(post, { title, views: index + 1 });
    await em.flush();
  }
  await test.database.query(
    `delete from revy_object_delta where revision_id <= 2; delete from revy_revision where id <= 2`,
  );
});
afterAll(() => test.close());

const history = () => new HistoryService(test.orm.em.fork());

it('versions keep their numbers, and their states are whole, across a pruned beginning', async () => {
  const versions = await history().versions(Post, 1);
  const states = await Promise.all(versions.map(version => version.state()));
  expect(versions.map(({ number, changed }) => [number, changed])).toEqual([
    [3, ['title', 'views']],
    [4, ['title', 'views']],
    [5, ['title', 'views']],
  ]);
  expect(states.map(state => [state!.title, state!.slug, state!.views])).toEqual([
    ['three', 'a', 2],
    ['four', 'a', 3],
    ['five', 'a', 4],
  ]);
  const [first] = versions;
  expect(await first!.previous()).toBeNull();
  expect((await first!.next())!.number).toBe(4);
});

it('pages go on from either end', async () => {
  const page = await history().versions(Post, 1, { order: 'desc', limit: 2 });
  const rest = await history().versions(Post, 1, { order: 'desc', limit: 2, after: page.next });
  expect([...page, ...rest].map(({ number }) => number)).toEqual([5, 4, 3]);
  expect(rest.next).toBeNull();
});

it('what was before is read backwards, by at as by asOf', async () => {
  const snapshots = new SnapshotService(test.orm.em.fork());
  const at = (await snapshots.at(Post, 1, { before: 3 }))!;
  const past = await snapshots.asOf({ before: 3 }, em => em.find(Post, { slug: 'a' }));
  expect([at.entity.title, at.entity.slug, at.entity.views]).toEqual(['two', 'a', 1]);
  expect(past.map(({ title, slug, views }) => [title, slug, views])).toEqual([['two', 'a', 1]]);
});
