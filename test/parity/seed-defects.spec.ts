import { defineEntity, p } from '@mikro-orm/core';
import { HistoryService, RevisionContext, SnapshotService } from '@revy/mikro-orm';
import { setTimeout as sleep } from 'node:timers/promises';
import { BLOG, Comment, Post, User } from '../support/blog.js';
import { contents } from '../support/contents.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

// Section S of the conformance list: what goes wrong in the libraries that inspired this one, and must not here.

class Price {
  id!: number;
  amount!: string;
  quantity!: number;
  code!: string;
  isFree!: boolean;
}

const PriceSchema = defineEntity({
  class: Price,
  properties: {
    id: p.integer().primary().autoincrement(),
    amount: p.decimal('string').precision(10).scale(2),
    quantity: p.integer(),
    code: p.string(),
    isFree: p.boolean(),
  },
});

let test: TestOrm;
beforeAll(async () => {
  test = await createOrm([...BLOG, PriceSchema]);
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.database.query('truncate "user", tag, post, comment, post_tags, price restart identity cascade');
  await test.forget();
});

async function makeUser(name = 'Ann'): Promise<User> {
  const em = test.orm.em.fork();
  const user = em.create(User, { name, email: null });
  await em.flush();
  return user;
}

it('S1: saving what did not change writes nothing', async () => {
  const { id } = await makeUser();
  await test.forget();
  const em = test.orm.em.fork();
  const user = await em.findOneOrFail(User, id);
  user.name = 'Ann';
  em.assign(user, { name: 'Ann', email: null });
  await RevisionContext.run({ actor: user, revisionDescription: 'nothing' }, () => em.persist(user).flush());
  expect([await test.revisions(), await test.deltas()]).toEqual([[], []]);
});

it('S2: an object with unsaved changes can be deleted, and what was unsaved is not history', async () => {
  const { id } = await makeUser();
  await test.forget();
  const em = test.orm.em.fork();
  const user = await em.findOneOrFail(User, id);
  user.name = 'never saved';
  await em.remove(user).flush();
  expect(await test.deltas()).toEqual([
    {
      revision: 1,
      action: 'delete',
      object: `User:${id}`,
      old: { name: 'Ann', email: null },
      new: null,
      actor: null,
      description: null,
    },
  ]);
});

it('S3: the snapshot of a row older than tracking holds the columns that nobody touched, and its key', async () => {
  await test.database.query(`insert into "user" (id, name, email) values (7, 'Old', 'old@example.org')`);
  const em = test.orm.em.fork();
  (await em.findOneOrFail(User, 7)).name = 'New';
  await em.flush();
  const snapshots = new SnapshotService(em);
  expect((await snapshots.at(User, 7, { before: 1 }))!.entity).toMatchObject({
    id: 7,
    name: 'Old',
    email: 'old@example.org',
  });
  expect((await snapshots.at(User, 7, { version: 1 }))!.entity).toMatchObject({
    id: 7,
    name: 'New',
    email: 'old@example.org',
  });
});

it('S5: what an outer rollback took back is recorded when it is saved for good', async () => {
  const { id } = await makeUser();
  await test.forget();
  const em = test.orm.em.fork();
  await em
    .transactional(async inner => {
      (await inner.findOneOrFail(User, id)).name = 'Bob';
      await inner.flush();
      throw new Error('rolled back');
    })
    .catch(() => {});
  expect([await test.revisions(), await test.deltas()]).toEqual([[], []]);
  const again = test.orm.em.fork();
  (await again.findOneOrFail(User, id)).name = 'Bob';
  await again.flush();
  expect(await test.deltas()).toMatchObject([{ old: { name: 'Ann' }, new: { name: 'Bob' } }]);
});

it('S6: a change that is taken back before it is saved is none', async () => {
  const { id } = await makeUser();
  await test.forget();
  const em = test.orm.em.fork();
  const user = await em.findOneOrFail(User, id);
  user.name = 'Bob';
  user.name = 'Ann';
  await em.flush();
  expect([await test.revisions(), await test.deltas()]).toEqual([[], []]);
});

it('S7: concurrent tasks keep their contexts apart, whichever ends first', async () => {
  const users = [await makeUser('a'), await makeUser('b'), await makeUser('c')];
  await test.forget();
  const seen = await Promise.all(
    users.map((actor, index) =>
      RevisionContext.run({ actor, revisionDescription: `task ${index}` }, async () => {
        await sleep(5 * (index + 1));
        const em = test.orm.em.fork();
        const user = await em.findOneOrFail(User, actor.id);
        await sleep(5 * (3 - index));
        user.email = `${index}@example.org`;
        await em.flush();
        await sleep(5 * index);
        return RevisionContext.get('actor');
      }),
    ),
  );
  expect(seen).toEqual(users);
  expect(RevisionContext.isActive).toBe(false);
  const deltas = (await test.deltas()).sort((a, b) => a.object.localeCompare(b.object));
  expect(deltas.map(({ object, actor }) => [object, actor])).toEqual(
    users.map(({ id }) => [`User:${id}`, `User:${id}`]),
  );
  const revisions = await test.revisions();
  for (const { revision, object } of deltas) {
    const index = users.findIndex(({ id }) => object === `User:${id}`);
    expect(revisions.find(({ id }) => id === revision)).toMatchObject({ description: `task ${index}`, actor: object });
  }
});

it('S8: one clock gives the ranges: a version ends where the next one begins', async () => {
  const { id } = await makeUser();
  const em = test.orm.em.fork();
  const user = await em.findOneOrFail(User, id);
  for (const name of ['b', 'c']) {
    await sleep(3);
    user.name = name;
    await em.flush();
  }
  const starts = (await new HistoryService(em).deltas(User, id)).map(({ revision }) => revision.recordedAt);
  expect([...starts].sort((a, b) => a.getTime() - b.getTime())).toEqual(starts);
  const snapshots = new SnapshotService(em);
  for (const [index, start] of starts.entries()) {
    expect((await snapshots.at(User, id, start))!.version).toBe(index + 1);
    expect((await snapshots.at(User, id, new Date(start.getTime() - 1)))?.version).toBe(index || undefined);
  }
});

it('S9: after its deletion an object’s history is found by its own id', async () => {
  const { id } = await makeUser();
  const em = test.orm.em.fork();
  await em.remove(await em.findOneOrFail(User, id)).flush();
  const deltas = await new HistoryService(em).deltas(User, id);
  expect(deltas.map(({ action, objectId }) => [action, objectId])).toEqual([
    ['create', String(id)],
    ['delete', String(id)],
  ]);
  expect((await new SnapshotService(em).at(User, id, { version: 1 }))!.entity).toMatchObject({
    id,
    name: 'Ann',
    email: null,
  });
});

it('S10: 0, false and the empty text are values: they are set, and only null is unset', async () => {
  const em = test.orm.em.fork();
  const price = em.create(Price, { amount: '1.00', quantity: 1, code: 'E.1', isFree: true });
  const user = em.create(User, { name: 'Ann', email: 'a@example.org' });
  await em.flush();
  await test.forget();
  Object.assign(price, { amount: '0.00', quantity: 0, code: '', isFree: false });
  user.email = null;
  await em.flush();
  const set = (attribute: string, old: unknown, value: unknown) =>
    expect.objectContaining({ attribute, action: 'set', old, new: value });
  expect((await test.attributes()).filter(({ object }) => object === 'Price:1')).toEqual([
    set('amount', '1.00', '0.00'),
    set('code', 'E.1', ''),
    set('isFree', true, false),
    set('quantity', 1, 0),
  ]);
  expect((await test.attributes()).filter(({ object }) => object === 'User:1')).toMatchObject([
    { attribute: 'email', action: 'unset', old: 'a@example.org', new: null },
  ]);
});

it('S11: deleting a parent costs the same number of history statements with 10 children as with 100', async () => {
  const added: number[] = [];
  for (const children of [10, 100]) {
    const maker = test.orm.em.fork();
    const post = maker.create(Post, { title: 'p', slug: null, views: 0, meta: null, author: null });
    for (let n = 0; n < children; n++) maker.create(Comment, { text: `c${n}`, post });
    await maker.flush();
    const remove = async () => {
      const em = test.orm.em.fork();
      await em.remove(await em.findOneOrFail(Post, post.id, { populate: ['comments'] })).flush();
    };
    const sent = await statementsOf(remove);
    added.push(sent.filter(sql => /revy|CommitQuery/.test(sql)).length);
    expect(await test.database.query(`select 1 from revy_object_delta where action = 'delete'`)).toHaveLength(
      children + 1,
    );
    await test.forget();
  }
  expect(added).toEqual([1, 1]);
});

it('S12: a snapshot’s values have the type of their attribute', async () => {
  const em = test.orm.em.fork();
  const price = em.create(Price, { amount: '10.50', quantity: 3, code: 'E', isFree: false });
  await em.flush();
  const { entity } = (await new SnapshotService(em).at(Price, price.id, { version: 1 }))!;
  expect(entity).toBeInstanceOf(Price);
  expect(contents(entity)).toEqual({ id: 1, amount: '10.50', quantity: 3, code: 'E', isFree: false });
});

it('S13: a deletion shows by itself what was deleted', async () => {
  const { id } = await makeUser();
  const em = test.orm.em.fork();
  await em.remove(em.getReference(User, id)).flush();
  const [deletion] = await new HistoryService(em).deltas(User, id, { action: 'delete' });
  expect(deletion).toMatchObject({ oldValues: { name: 'Ann', email: null }, newValues: null });
  expect(await test.attributes()).toContainEqual({
    object: `User:${id}`,
    attribute: 'name',
    action: 'unset',
    old: 'Ann',
    new: null,
    actor: null,
    description: null,
  });
});

it('S14: what was set outside a context and saved inside one is recorded exactly once', async () => {
  const { id } = await makeUser();
  const actor = await makeUser('Bob');
  await test.forget();
  const em = test.orm.em.fork();
  const user = await em.findOneOrFail(User, id);
  user.name = 'Anna';
  await RevisionContext.run({ actor, revisionDescription: 'saved here' }, () => em.flush());
  expect(await test.revisions()).toMatchObject([{ description: 'saved here', actor: `User:${actor.id}` }]);
  expect(await test.attributes()).toMatchObject([
    { object: `User:${id}`, attribute: 'name', action: 'set', old: 'Ann', new: 'Anna' },
  ]);
});
