import type { SqlEntityManager } from '@mikro-orm/postgresql';
import {
  AsOfBeforeHistoryError,
  HistoryService,
  Revision,
  SnapshotService,
  UnknownRevisionError,
  UnusablePointError,
} from '@revy/mikro-orm';
import { Post } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

const TITLES = ['One', 'Two', 'Three', 'Four'];

let test: TestOrm;
let revisions: Revision[];

/** Revision n left the title that comes n-th. */
beforeAll(async () => {
  test = await createOrm();
  const em = test.orm.em.fork();
  const post = em.create(Post, { title: TITLES[0]!, views: 0, slug: null, meta: null, author: null });
  await em.flush();
  for (const title of TITLES.slice(1)) {
    await new Promise(resolve => setTimeout(resolve, 5));
    post.title = title;
    await em.flush();
  }
  revisions = [...(await new HistoryService(em).revisions())];
});
afterAll(() => test.close());

const snapshots = () => new SnapshotService(test.orm.em.fork() as SqlEntityManager);
const title = async (em: SqlEntityManager) => (await em.findOne(Post, 1))?.title ?? null;
const at = (point: Parameters<SnapshotService['asOf']>[0]) => snapshots().asOf(point, title);

it('are revisions, as they left things, by entity and by id', async () => {
  for (const [index, revision] of revisions.entries()) {
    expect(await at(revision)).toBe(TITLES[index]);
    expect(await at({ revision: revision.id })).toBe(TITLES[index]);
    expect(await at({ after: revision })).toBe(TITLES[index]);
    expect(await at({ after: revision.id })).toBe(TITLES[index]);
  }
});

it('are what was just before a revision', async () => {
  for (const [index, revision] of revisions.entries()) {
    expect(await at({ before: revision })).toBe(TITLES[index - 1] ?? null);
    expect(await at({ before: revision.id })).toBe(TITLES[index - 1] ?? null);
  }
});

it('are dates: the last state at or before it, to the millisecond', async () => {
  for (const [index, { recordedAt }] of revisions.entries()) {
    expect(await at(recordedAt)).toBe(TITLES[index]);
  }
  for (const [index, { recordedAt }] of revisions.slice(1).entries()) {
    expect(await at(new Date(recordedAt.getTime() - 1))).toBe(TITLES[index]);
  }
  expect(await at(new Date('2999-01-01'))).toBe('Four');
});

it('agree with snapshots.at', async () => {
  for (const point of [...revisions, ...revisions.map(({ recordedAt }) => recordedAt)]) {
    expect(await at(point)).toBe((await snapshots().at(Post, 1, point))!.entity.title);
  }
});

it('before the history began are refused', async () => {
  await expect(at(new Date('2000-01-01'))).rejects.toBeInstanceOf(AsOfBeforeHistoryError);
});

it('that do not exist, or are none, are refused', async () => {
  await expect(at({ revision: 99 })).rejects.toBeInstanceOf(UnknownRevisionError);
  await expect(at({ before: 99 })).rejects.toBeInstanceOf(UnknownRevisionError);
  for (const point of [null, {}, 'now', { revision: -1 }, new Date(Number.NaN), new Revision()]) {
    await expect(at(point as never)).rejects.toBeInstanceOf(UnusablePointError);
  }
});

it('nest three deep, forwards and backwards, and each goes on where it was', async () => {
  const seen = await snapshots().asOf({ revision: 2 }, async outer => {
    const inner = await new SnapshotService(outer).asOf({ revision: 4 }, async em => {
      const innermost = await new SnapshotService(em).asOf({ before: 2 }, title);
      em.clear();
      return [innermost, await title(em)];
    });
    outer.clear();
    return [...inner, await title(outer)];
  });
  expect(seen).toEqual(['One', 'Four', 'Two']);
});

it('are kept apart where several are read at once', async () => {
  const seen = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      snapshots().asOf({ revision: 1 + (index % 4) }, async em => {
        const first = await title(em);
        await new Promise(resolve => setTimeout(resolve, index % 3));
        em.clear();
        return [first, await title(em), await test.orm.em.fork().count(Post, { title: first! })];
      }),
    ),
  );
  expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => [TITLES[index % 4], TITLES[index % 4], 1]));
});

it('stay where they are while the present goes on', async () => {
  const own = await createOrm();
  try {
    const em = own.orm.em.fork();
    const post = em.create(Post, { title: 'One', views: 0, slug: null, meta: null, author: null });
    await em.flush();
    await new SnapshotService(own.orm.em.fork() as SqlEntityManager).asOf(new Date(), async past => {
      await own.database.query(`update post set views = 5`);
      expect((await past.findOneOrFail(Post, 1)).title).toBe('One');
    });
    await em.refresh(post);
    post.title = 'Two';
    await em.flush();
    const past = await new SnapshotService(own.orm.em.fork() as SqlEntityManager).asOf({ revision: 1 }, title);
    expect(past).toBe('One');
  } finally {
    await own.close();
  }
});
