import { Revision, RevisionContext, SnapshotService } from '@revy/mikro-orm';
import { Post, User } from '../support/blog.js';
import { contents } from '../support/contents.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

interface Step {
  readonly revision: number;
  readonly recordedAt: Date;
  /** The live row, read by SQL right after the step. */
  readonly row: Record<string, unknown> | null;
}

const LIVE = 'select title, slug, views, meta, author_id from post where id = $1';

/** What a snapshot says, in the columns of the live row. */
function asRow(entity: Post): Record<string, unknown> {
  const { title, slug, views, meta, author } = entity;
  return { title, slug, views, meta, author_id: author?.id ?? null };
}

/** Changes a post `count` times, in ways that leave most attributes alone each time. */
async function writeHistory(test: TestOrm, count: number): Promise<{ id: number; steps: Step[] }> {
  const em = test.orm.em.fork();
  const authors = ['Ann', 'Bob', 'Cid'].map(name => em.create(User, { name, email: null }));
  await em.flush();
  const post = em.create(Post, { title: 'v1', slug: null, views: 0, meta: null, author: authors[0] });
  const steps: Step[] = [];
  for (let n = 1; n <= count; n++) {
    if (n > 1) post.title = `v${n}`;
    if (n % 3 === 0) post.slug = n % 2 ? null : `slug-${n}`;
    if (n % 5 === 0) post.meta = n % 2 ? { n, tags: ['a', null] } : null;
    if (n % 7 === 0) post.author = authors[n % 4] ?? null;
    if (n % 4 === 0) post.views = n % 8 ? n : 0;
    await em.flush();
    const [revision] = await test.database.query<{ id: number; at: Date }>(
      'select id::int, recorded_at as at from revy_revision order by id desc limit 1',
    );
    const [row] = await test.database.query(LIVE, [post.id]);
    steps.push({ revision: revision!.id, recordedAt: revision!.at, row: row! });
    // the next revision has to fall into another millisecond, which is as fine as a Date is
    await test.database.query('select pg_sleep(0.0015)');
  }
  return { id: post.id, steps };
}

describe.each([2, 3, 8])('at, with a keyframe every %i deltas', keyframeEvery => {
  const VERSIONS = 34;
  let test: TestOrm;
  let id: number;
  let steps: Step[];
  let snapshots: SnapshotService;
  beforeAll(async () => {
    test = await createOrm(undefined, { revy: { keyframeEvery } });
    ({ id, steps } = await writeHistory(test, VERSIONS));
    snapshots = new SnapshotService(test.orm.em.fork());
  });
  afterAll(() => test.close());

  it('rebuilds each version as the live row was then', async () => {
    for (const [index, { row, revision, recordedAt }] of steps.entries()) {
      const snapshot = await snapshots.at(Post, id, { version: index + 1 });
      expect(asRow(snapshot!.entity)).toEqual(row);
      expect(snapshot).toMatchObject({
        unknown: [],
        version: index + 1,
        revision: { id: revision, recordedAt },
        isDeleted: false,
        isLive: index + 1 === VERSIONS,
        point: { version: index + 1 },
      });
      expect(snapshot!.entity).toBeInstanceOf(Post);
      expect(snapshot!.entity.id).toBe(id);
    }
  });

  it('I3: finds the state after a revision by its id, by the revision itself, and by the date that it shows', async () => {
    const revisions = await test.orm.em.fork().find(
      Revision,
      steps.map(step => step.revision),
    );
    for (const { row, revision, recordedAt } of steps) {
      const loaded = revisions.find(one => one.id === revision)!;
      for (const point of [
        { revision },
        loaded,
        { after: revision },
        { after: loaded },
        recordedAt,
        loaded.recordedAt,
      ]) {
        const snapshot = await snapshots.at(Post, id, point);
        expect({ point, row: asRow(snapshot!.entity) }).toEqual({ point, row });
        expect(snapshot!.point).toBe(point);
      }
    }
  });

  it('I2: finds the state before a revision, and nothing before the first one', async () => {
    for (const [index, { revision }] of steps.entries()) {
      const snapshot = await snapshots.at(Post, id, { before: revision });
      expect(snapshot && asRow(snapshot.entity)).toEqual(steps[index - 1]?.row ?? null);
    }
  });

  it('finds by a date between two revisions what the earlier one left', async () => {
    for (const [index, { row, recordedAt }] of steps.entries()) {
      const justBefore = await snapshots.at(Post, id, new Date(recordedAt.getTime() - 1));
      expect(justBefore && asRow(justBefore.entity)).toEqual(steps[index - 1]?.row ?? null);
      const justAfter = await snapshots.at(Post, id, new Date(recordedAt.getTime() + 1));
      expect([row, steps[index + 1]?.row]).toContainEqual(asRow(justAfter!.entity));
    }
    const inTheFuture = await snapshots.at(Post, id, new Date('2999-12-31T23:59:59Z'));
    expect(asRow(inTheFuture!.entity)).toEqual(steps.at(-1)!.row);
  });

  it('takes one statement, wherever the point lies', async () => {
    const points = [1, 2, 9, 17, 33, 34].map(version => ({ version }));
    const { recordedAt, revision } = steps[11]!;
    for (const point of [...points, recordedAt, { revision }, { before: revision }, new Date(0)]) {
      const sent = await statementsOf(() => snapshots.at(Post, id, point));
      expect(sent).toHaveLength(1);
      expect(sent[0]).toMatch(/^with recursive /);
    }
  });

  it('I1: reads at a revision that did not touch the object what an earlier one had left', async () => {
    const em = test.orm.em.fork();
    em.create(User, { name: 'unrelated', email: null });
    await em.flush();
    const [last] = await test.database.query<{ id: number }>('select max(id)::int as id from revy_revision');
    expect(last!.id).toBeGreaterThan(steps.at(-1)!.revision);
    const snapshot = await snapshots.at(Post, id, { revision: last!.id });
    expect(asRow(snapshot!.entity)).toEqual(steps.at(-1)!.row);
    expect(snapshot).toMatchObject({ version: VERSIONS, revision: { id: steps.at(-1)!.revision }, isLive: true });
  });
});

describe('at', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm();
  });
  afterAll(() => test.close());

  it('I8: gives the revision that made the version, as a query for it would', async () => {
    const em = test.orm.em.fork();
    const user = em.create(User, { name: 'Ann', email: null });
    await em.flush();
    await RevisionContext.run(
      { actor: user, revisionDescription: 'first post', metadata: { ticket: 7, "quo'te": ['%s', null] } },
      async () => {
        em.create(Post, { title: 'Hello', slug: null, views: 0, meta: null, author: user });
        await em.flush();
      },
    );
    const { revision } = (await new SnapshotService(em).at(Post, 1, { version: 1 }))!;
    const found = await test.orm.em.fork().findOneOrFail(Revision, { description: 'first post' });
    const plain = (one: Revision) => ({ ...contents(one), objectDeltas: undefined });
    expect(revision).toBeInstanceOf(Revision);
    expect(plain(revision!)).toEqual(plain(found));
    expect(revision!.recordedAt).toBeInstanceOf(Date);
    expect(await revision!.actors).toMatchObject([{ id: user.id, name: 'Ann' }]);
  });

  it('I5: orders revisions of the same instant by their ids', async () => {
    const em = test.orm.em.fork();
    const user = em.create(User, { name: 'a', email: null });
    await em.flush();
    for (const name of ['b', 'c', 'd']) {
      user.name = name;
      await em.flush();
    }
    const instant = '2020-05-05T05:05:05.123456Z';
    await test.database.query(
      `update revy_revision set recorded_at = $2 where id in
       (select revision_id from revy_object_delta where object_type = 'User' and object_id = $1)`,
      [String(user.id), instant],
    );
    const snapshots = new SnapshotService(em);
    for (const [index, name] of ['a', 'b', 'c', 'd'].entries()) {
      expect((await snapshots.at(User, user.id, { version: index + 1 }))!.entity.name).toBe(name);
    }
    expect((await snapshots.at(User, user.id, new Date('2020-05-05T05:05:05.123Z')))!.entity.name).toBe('d');
    expect(await snapshots.at(User, user.id, new Date('2020-05-05T05:05:05.122Z'))).toBeNull();
  });

  it('without a point gives the latest state, whatever the clocks say', async () => {
    const em = test.orm.em.fork();
    const user = em.create(User, { name: 'a', email: null });
    await em.flush();
    user.name = 'b';
    await em.flush();
    await test.database.query(
      `update revy_revision set recorded_at = recorded_at + interval '1 year' where id in
       (select revision_id from revy_object_delta where object_type = 'User' and object_id = $1)`,
      [String(user.id)],
    );
    await test.database.query(`insert into "user" (id, name) values (800, 'Old')`);
    const snapshots = new SnapshotService(em);
    const latest = await snapshots.at(User, user.id);
    expect(latest).toMatchObject({ version: 2, isLive: true, point: undefined, entity: { name: 'b' } });
    expect((await snapshots.at(User, user.id, new Date()))?.entity.name).toBeUndefined();
    expect(await snapshots.at(User, 800)).toMatchObject({ version: 0, isLive: true, entity: { name: 'Old' } });
    expect(await snapshots.at(User, 801)).toBeNull();
    const { id } = user;
    await em.remove(user).flush();
    expect(await snapshots.at(User, id)).toBeNull();
    expect(await snapshots.at(User, id, undefined, { includeDeleted: true })).toMatchObject({
      version: 3,
      isDeleted: true,
      isLive: false,
      entity: { id, name: 'b' },
    });
  });

  it('I11: leaves out what the class no longer has, and lists what it did not have yet', async () => {
    const em = test.orm.em.fork();
    const user = em.create(User, { name: 'Ann', email: 'ann@example.org' });
    await em.flush();
    await test.database.query(
      `update revy_object_delta set new_values = new_values - 'email' || '{"nickname": "A"}' where object_type = 'User' and object_id = $1`,
      [String(user.id)],
    );
    const snapshot = (await new SnapshotService(em).at(User, user.id, { version: 1 }))!;
    expect(contents(snapshot.entity)).toEqual({ id: user.id, name: 'Ann', email: undefined });
    expect(snapshot.unknown).toEqual(['email']);
  });

  it('I10: gives the live state of an object without history at a date to come, and nothing for one that never was', async () => {
    await test.database.query(`insert into "user" (id, name, email) values (900, 'Old', 'old@example.org')`);
    const snapshots = new SnapshotService(test.orm.em.fork());
    const snapshot = await snapshots.at(User, 900, new Date(Date.now() + 60_000));
    expect(snapshot).toMatchObject({
      entity: { id: 900, name: 'Old', email: 'old@example.org' },
      unknown: [],
      version: 0,
      revision: null,
      isDeleted: false,
      isLive: true,
    });
    expect(await snapshots.at(User, 901, new Date())).toBeNull();
  });
});
