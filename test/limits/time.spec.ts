import { LockMode } from '@mikro-orm/core';
import { HistoryService, Revision, RevisionContext, SnapshotService } from '@revy/mikro-orm';
import { Post, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

let test: TestOrm;
beforeAll(async () => {
  test = await createOrm();
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.database.query('truncate "user", post restart identity cascade');
  await test.forget();
});

const soon = () => new Promise(resolve => setTimeout(resolve, 20));

it('a Date has milliseconds: revisions within one are not told apart by it', async () => {
  const em = test.orm.em.fork();
  const user = em.create(User, { name: 'a', email: null });
  await em.flush();
  user.name = 'b';
  await em.flush();
  await test.database.query(
    `update revy_revision set recorded_at = '2026-01-01T00:00:00.000Z'::timestamptz + id * interval '1 microsecond'`,
  );
  const { recordedAt } = await test.orm.em.fork().findOneOrFail(Revision, 1);
  expect((await new SnapshotService(em).at(User, 1, recordedAt))!.entity.name).toBe('b');
  expect((await new SnapshotService(em).at(User, 1, { revision: 1 }))!.entity.name).toBe('a');
});

it('a revision shared by several transactions has the time of its first one', async () => {
  const em = test.orm.em.fork();
  const user = em.create(User, { name: 'a', email: null });
  await em.flush();
  let between: Date;
  await RevisionContext.run({ revision: () => new Revision() }, async () => {
    em.create(User, { name: 'other', email: null });
    await em.flush();
    await soon();
    between = new Date();
    await soon();
    user.name = 'b';
    await em.flush();
  });
  expect(await test.revisions()).toHaveLength(2);
  // the change came after the date, and its revision lies before it
  expect((await new SnapshotService(em).at(User, 1, between!))!.entity.name).toBe('b');
});

it('a version of such a revision begins no earlier than the one before it, though its revision does', async () => {
  const em = test.orm.em.fork();
  const user = em.create(User, { name: 'a', email: null });
  const revision = new Revision();
  const shared = () => RevisionContext.run({ revision }, () => em.flush());
  await shared();
  for (const [name, flush] of [
    ['b', () => em.flush()],
    ['c', shared],
  ] as const) {
    await soon();
    user.name = name;
    await flush();
  }
  const [first, second, third] = await new HistoryService(em).versions(User, 1);
  expect(third!.revision.recordedAt).toEqual(first!.validFrom);
  expect(third!.validFrom).toEqual(second!.validFrom);
  expect(second!.validUntil).toEqual(second!.validFrom);
  // by its date, a snapshot finds the change as early as its revision; the list of versions does not
  expect((await new SnapshotService(em).at(User, 1, first!.validFrom))!.version).toBe(3);
  expect((await new HistoryService(em).versionAt(User, 1, first!.validFrom))!.number).toBe(1);
});

it('a revision that a read inside its transaction wrote early has the time of that read', async () => {
  const em = test.orm.em.fork();
  let between: Date;
  await em.transactional(async inner => {
    inner.create(User, { name: 'a', email: null });
    await inner.flush();
    await new SnapshotService(inner).at(User, 1, new Date());
    await soon();
    between = new Date();
  });
  const [row] = await test.database.query<{ at: Date }>('select recorded_at as at from revy_revision');
  expect(row!.at.getTime()).toBeLessThan(between!.getTime());
});

it('ids of revisions say nothing about which transaction of two was committed first', async () => {
  const [slow, quick] = [test.orm.em.fork(), test.orm.em.fork()];
  await slow.transactional(async inner => {
    inner.create(User, { name: 'slow', email: null });
    await inner.flush();
    await new SnapshotService(inner).at(User, 1, new Date()); // writes its history early, so it has its id
    quick.create(User, { name: 'quick', email: null });
    await quick.flush();
    expect(await test.revisions()).toMatchObject([{ id: 2 }]);
  });
  expect(await test.revisions()).toMatchObject([{ id: 1 }, { id: 2 }]);
});

it('the old value is what the entity manager had loaded, not what another transaction has put there since', async () => {
  const [one, other] = [test.orm.em.fork(), test.orm.em.fork()];
  one.create(User, { name: 'a', email: null });
  await one.flush();
  await test.forget();
  const [mine, theirs] = [await one.findOneOrFail(User, 1), await other.findOneOrFail(User, 1)];
  theirs.name = 'b';
  await other.flush();
  mine.name = 'c';
  await one.flush();
  expect(await test.deltas()).toMatchObject([
    { old: { name: 'a' }, new: { name: 'b' } },
    { old: { name: 'a' }, new: { name: 'c' } },
  ]);
});

it('a row that is locked when it is loaded has its true old value, however many change it at once', async () => {
  const seeder = test.orm.em.fork();
  seeder.create(User, { name: '0', email: null });
  await seeder.flush();
  await test.forget();
  const raise = () =>
    test.orm.em.fork().transactional(async em => {
      const user = await em.findOneOrFail(User, 1, { lockMode: LockMode.PESSIMISTIC_WRITE });
      user.name = String(Number(user.name) + 1);
    });
  await Promise.all(Array.from({ length: 5 }, raise));
  expect((await test.deltas()).map(row => [row.old!['name'], row.new!['name']])).toEqual([
    ['0', '1'],
    ['1', '2'],
    ['2', '3'],
    ['3', '4'],
    ['4', '5'],
  ]);
});

it('a date of a machine whose clock is behind lies before what was just recorded', async () => {
  const em = test.orm.em.fork();
  const user = em.create(User, { name: 'new', email: null });
  await em.flush();
  const behind = new Date(Date.now() - 60_000);
  expect(await new SnapshotService(em).at(User, user.id, behind)).toBeNull();
  expect((await new SnapshotService(em).at(User, user.id, { version: 1 }))!.entity.name).toBe('new');
});

it('a key that is used again continues the history of the object that had it before', async () => {
  const em = test.orm.em.fork();
  const first = em.create(User, { id: 7, name: 'first', email: null });
  await em.flush();
  await em.remove(first).flush();
  em.create(User, { id: 7, name: 'second', email: null });
  await em.flush();
  const snapshot = await new SnapshotService(em).at(User, 7, new Date());
  expect(snapshot).toMatchObject({ entity: { name: 'second' }, version: 3 });
});

it('a to-one relation of a snapshot is a reference that carries the key, and nothing of what it led to then', async () => {
  const em = test.orm.em.fork();
  const author = em.create(User, { name: 'before', email: null });
  em.create(Post, { title: 'Hello', slug: null, views: 0, meta: null, author });
  await em.flush();
  author.name = 'after';
  await em.flush();
  const snapshot = await new SnapshotService(em).at(Post, 1, { revision: 1 });
  expect(snapshot!.entity.author).toMatchObject({ id: 1 });
  expect(snapshot!.entity.author!.name).toBeUndefined();
});

it('a date that was taken inside a transaction lies before what that transaction records', async () => {
  const em = test.orm.em.fork();
  const user = em.create(User, { name: 'before', email: null });
  await em.flush();
  await em.transactional(async inner => {
    user.name = 'after';
    await inner.flush();
    await soon();
    const now = new Date();
    await soon();
    expect((await new SnapshotService(inner).at(User, user.id, now))!.entity.name).toBe('before');
    expect((await new SnapshotService(inner).at(User, user.id, { version: 2 }))!.entity.name).toBe('after');
  });
});
