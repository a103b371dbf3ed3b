import { defineEntity, p, raw } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Post, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { Witness } from '../support/witness.js';

// What the ORM has in memory is not always what the table has, and history has to say what the table had.

const GIVEN_UP = new Error('given up');

let t: TestOrm;
let witness: Witness;
let em: EntityManager;
let ann: User;

beforeAll(async () => {
  t = await createOrm();
  witness = await Witness.install(t);
});

afterAll(() => t.close());

beforeEach(async () => {
  await t.database.query(`truncate post, "user", post_tags, tag restart identity cascade;
    insert into "user" (name, email) values ('Ann', null), ('Bob', 'taken')`);
  await t.forget();
  await witness.forget();
  em = t.orm.em.fork();
  ann = await em.findOneOrFail(User, 1);
});

/** What was recorded, once the triggers agree with it. */
async function told(): Promise<object[]> {
  expect(await witness.recorded()).toEqual(await witness.witnessed());
  return (await t.deltas()).map(({ action, object, old, new: now }) => ({ action, object, old, new: now }));
}

async function giveUp(work: (inner: EntityManager) => Promise<void>): Promise<void> {
  const nested = em.transactional(async inner => {
    await work(inner);
    await inner.flush();
    throw GIVEN_UP;
  });
  await nested.catch((error: unknown) => {
    if (error !== GIVEN_UP) throw error;
  });
}

async function rename(name: string): Promise<void> {
  ann.name = name;
  await em.flush();
}

it('a value that was rolled back with a savepoint is not the old one', async () => {
  await em.begin();
  await giveUp(async () => void (ann.name = 'never'));
  await rename('A');
  await em.commit();
  expect(await told()).toEqual([{ action: 'update', object: 'User:1', old: { name: 'Ann' }, new: { name: 'A' } }]);
});

it('nor one that was rolled back with its transaction', async () => {
  await giveUp(async () => void (ann.name = 'never'));
  await em.begin();
  await rename('nor this');
  await em.rollback();
  await rename('A');
  expect(await told()).toEqual([{ action: 'update', object: 'User:1', old: { name: 'Ann' }, new: { name: 'A' } }]);
});

it('nor one of a flush that failed half-way', async () => {
  ann.name = 'never';
  // updated after the insert of its author, and before the insert that fails
  const post = em.create(Post, { title: 'p', slug: null, meta: null, author: ann, views: 0 });
  em.create(User, { name: 'Cid', email: 'taken' });
  await expect(em.flush()).rejects.toThrow('duplicate key');
  em = em.fork({ clear: false });
  em.getUnitOfWork().getPersistStack().clear();
  em.getUnitOfWork().unsetIdentity(post);
  await rename('A');
  expect(await told()).toEqual([{ action: 'update', object: 'User:1', old: { name: 'Ann' }, new: { name: 'A' } }]);
});

it('a removed object had the values of its row', async () => {
  await giveUp(async () => void (ann.name = 'never'));
  await em.remove(ann).flush();
  expect(await told()).toEqual([{ action: 'delete', object: 'User:1', old: { name: 'Ann', email: null }, new: null }]);
});

it('a value that is set back to what the row has all along changes nothing', async () => {
  await giveUp(async () => void (ann.name = 'never'));
  await rename('Ann');
  expect([await told(), await t.revisions()]).toEqual([[], []]);
});

it('an object whose creation was rolled back is neither updated nor deleted', async () => {
  await em.begin();
  let ghost: User | undefined;
  await giveUp(async inner => void (ghost = inner.create(User, { name: 'ghost', email: null })));
  em.getUnitOfWork().merge(ghost!);
  ghost!.name = 'still';
  await em.flush();
  em.remove(ghost!);
  await em.flush();
  await em.commit();
  expect([await told(), await t.revisions()]).toEqual([[], []]);
});

it('a value that a native call wrote is the old one', async () => {
  await em.nativeUpdate(User, { id: 1 }, { name: 'native' });
  await rename('A');
  expect(await told()).toEqual([
    { action: 'update', object: 'User:1', old: { name: 'Ann' }, new: { name: 'native' } },
    { action: 'update', object: 'User:1', old: { name: 'native' }, new: { name: 'A' } },
  ]);
});

it('also where it wrote many rows, and few of them are loaded', async () => {
  await em.nativeUpdate(User, {}, { name: raw(`name || '!'`) });
  await em.remove(ann).flush();
  expect((await told()).at(-1)).toEqual({
    action: 'delete',
    object: 'User:1',
    old: { name: 'Ann!', email: null },
    new: null,
  });
});

it('also where the ORM has it under a key that it does not have yet', async () => {
  ann.id = 10;
  await em.nativeUpdate(User, { id: [1, 2] }, { name: 'native' });
  await em.flush();
  expect((await told()).slice(2)).toEqual([
    { action: 'delete', object: 'User:1', old: { name: 'native', email: null }, new: null },
    { action: 'create', object: 'User:10', old: null, new: { name: 'native', email: null } },
  ]);
});

it('also where another entity manager has loaded the object, and this one takes it over', async () => {
  const bob = await t.orm.em.fork().findOneOrFail(User, 2);
  await em.nativeUpdate(User, { id: 2 }, { name: 'native' });
  bob.name = 'taken over';
  await em.persist(bob).flush();
  expect((await told()).slice(1)).toEqual([
    { action: 'update', object: 'User:2', old: { name: 'native' }, new: { name: 'taken over' } },
  ]);
});

it('an object that a native call deleted is not deleted again', async () => {
  await em.nativeDelete(User, { id: 1 });
  await em.remove(ann).flush();
  expect(await told()).toEqual([{ action: 'delete', object: 'User:1', old: { name: 'Ann', email: null }, new: null }]);
});

it('of a row that is not there nothing is recorded', async () => {
  em.getReference(User, 77).name = 'nobody';
  em.remove(em.getReference(User, 78));
  await em.flush();
  expect([await told(), await t.revisions()]).toEqual([[], []]);
});

it('a changed key ends the object under the old one with all values, though few were loaded', async () => {
  const other = t.orm.em.fork();
  const bob = await other.findOneOrFail(User, 2, { fields: ['id', 'name'] });
  (bob as User).id = 20;
  await other.flush();
  expect(await told()).toEqual([
    { action: 'delete', object: 'User:2', old: { name: 'Bob', email: 'taken' }, new: null },
    { action: 'create', object: 'User:20', old: null, new: { name: 'Bob', email: 'taken' } },
  ]);
});

it('JSON of an object that was a reference before it was loaded had the value of its row', async () => {
  await t.database.query(`insert into post (id, title, views, meta, author_id) values (1, 'p', 0, '{"a": [1]}', 1)`);
  await witness.forget();
  const post = em.getReference(Post, 1);
  await em.find(Post, {}, { populate: ['author'] });
  (post.meta as { a: number[] }).a.push(2);
  await em.flush();
  expect(await told()).toEqual([
    { action: 'update', object: 'Post:1', old: { meta: { a: [1] } }, new: { meta: { a: [1, 2] } } },
  ]);
});

describe.each(['text', '[1]', '{"a": 1}', '"a"', 'null'])('a text %s in a JSON column', text => {
  beforeEach(async () => {
    await t.database.query(
      `insert into post (id, title, views, meta, author_id) values (1, 'p', 0, to_jsonb($1::text), 1)`,
      [text],
    );
    await witness.forget();
  });

  it.each([
    ['a reference', () => em.getReference(Post, 1)],
    ['loaded in part', () => em.findOneOrFail(Post, 1, { fields: ['id', 'title'] })],
    ['not known', () => t.orm.em.fork().findOneOrFail(Post, 1)],
  ])('is no JSON itself, of an object that was %s before it was loaded', async (_, know) => {
    await know();
    const [post] = await em.find(Post, {}, { populate: ['author'] });
    expect(post!.meta).toBe(text);
    post!.meta = { a: [] };
    await em.flush();
    post!.meta = text as never;
    await em.flush();
    expect(await told()).toEqual([
      { action: 'update', object: 'Post:1', old: { meta: text }, new: { meta: { a: [] } } },
      { action: 'update', object: 'Post:1', old: { meta: { a: [] } }, new: { meta: text } },
    ]);
  });
});

it('what create() is given for a known reference is not what its row had', async () => {
  em.clear();
  em.getReference(User, 1);
  const again = em.create(User, { id: 1, name: 'claimed', email: null });
  again.name = 'A';
  await em.flush();
  expect(await told()).toEqual([{ action: 'update', object: 'User:1', old: { name: 'Ann' }, new: { name: 'A' } }]);
});

it('a key that is assigned to a reference does not reach its row', async () => {
  const bob = t.orm.em.fork().getReference(User, 2);
  const other = t.orm.em.fork();
  const user = other.getReference(User, bob.id);
  user.id = 20;
  user.name = 'B';
  await other.flush();
  expect(await told()).toEqual([{ action: 'update', object: 'User:2', old: { name: 'Bob' }, new: { name: 'B' } }]);
});

it('an object that is removed under another key takes the row with that key along, and no other', async () => {
  ann.id = 2;
  await em.remove(ann).flush();
  expect(await told()).toEqual([
    { action: 'delete', object: 'User:2', old: { name: 'Bob', email: 'taken' }, new: null },
  ]);
});

it('what left its parent before it was inserted is not deleted, either', async () => {
  const Child = defineEntity({
    name: 'Child',
    properties: { id: p.integer().primary().autoincrement(), of: () => p.manyToOne(Parent) },
  });
  const Parent = defineEntity({
    name: 'Parent',
    properties: {
      id: p.integer().primary().autoincrement(),
      children: () => p.oneToMany(Child).mappedBy('of').orphanRemoval(),
    },
  });
  const families = await createOrm([Parent, Child]);
  const fork = families.orm.em.fork();
  const [one, two] = [fork.create(Parent, {}), fork.create(Parent, {})];
  await fork.flush();
  await families.forget();
  const child = fork.create(Child, { of: one });
  child.of = two;
  one.children.remove(child);
  await fork.flush();
  expect(await families.deltas()).toEqual([]);
  await families.close();
});
