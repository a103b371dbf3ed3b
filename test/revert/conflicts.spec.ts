import { defineEntity, p } from '@mikro-orm/core';
import {
  RevertConflictError,
  type RevertOptions,
  type RevertPlan,
  RevertService,
  RevisionContext,
  SystemActor,
} from '@revy/mikro-orm';
import { BLOG, Comment, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

class Account {
  id!: number;
  login!: string;
  secret!: string;
  internal!: string;
}

const AccountSchema = defineEntity({
  class: Account,
  properties: {
    id: p.integer().primary().autoincrement(),
    login: p.string(),
    secret: p.string().revy({ mask: true }),
    internal: p.string().revy({ track: false }),
  },
});

class Note {
  id!: number;
  text!: string;
  level!: number;
  hint!: string | null;
}

const NoteSchema = defineEntity({
  class: Note,
  properties: {
    id: p.integer().primary().autoincrement(),
    text: p.string(),
    level: p.integer().default(3).revy({ track: false }),
    hint: p.string().nullable().revy({ track: false }),
  },
});

let t: TestOrm;
let reverts: RevertService;

beforeEach(async () => {
  t = await createOrm([...BLOG, AccountSchema, NoteSchema]);
  reverts = new RevertService(t.orm.em.fork());
});
afterEach(() => t.close());

const rows = (sql: string) => t.database.query<Record<string, unknown>>(sql);

/** One transaction of one actor. */
function act(name: string, work: (em: TestOrm['orm']['em']) => Promise<unknown>): Promise<void> {
  return RevisionContext.run({ actor: new SystemActor(name), revisionDescription: `by ${name}` }, async () => {
    const em = t.orm.em.fork() as TestOrm['orm']['em'];
    await work(em);
    await em.flush();
  });
}

/** What is in the way, in short. */
async function inTheWay(revert: (options: RevertOptions) => Promise<RevertPlan>): Promise<unknown[]> {
  const failure: unknown = await revert({}).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(RevertConflictError);
  const planned = await revert({ dryRun: true });
  expect(planned.conflicts).toEqual((failure as RevertConflictError).plan.conflicts);
  return planned.conflicts.map(({ reason, objectType, objectId, attribute, revision }) => [
    reason,
    [objectType, objectId, attribute].filter(part => part !== null).join(' '),
    revision?.id ?? null,
  ]);
}

const makeUser = (name: string, email: string | null = null) =>
  act(`maker of ${name}`, async em => em.create(User, { name, email } as never));
const change = (id: number, values: Partial<User>) =>
  act('changer', async em => Object.assign(await em.findOneOrFail(User, id), values));
const remove = (id: number) => act('remover', async em => em.remove(await em.findOneOrFail(User, id)));

it('names a later revision that changed the value, with who, when and why', async () => {
  await makeUser('Ann');
  await change(1, { name: 'Beth' });
  await change(1, { name: 'Cleo' });
  expect(await inTheWay(options => reverts.revision(2, options))).toEqual([['changed-later', 'User 1 name', 3]]);
  const [conflict] = (await reverts.revision(2, { dryRun: true })).conflicts;
  expect(conflict).toMatchObject({
    was: 'Ann',
    is: 'Cleo',
    canOverwrite: true,
    revision: { id: 3, actorType: 'system', actorId: 'changer', description: 'by changer' },
  });
  expect(conflict!.revision!.recordedAt).toBeInstanceOf(Date);
  await reverts.revision(2, { onConflict: 'overwrite' });
  expect(await rows('select name from "user"')).toEqual([{ name: 'Ann' }]);
});

it('names a later revision even if it brought the same value back', async () => {
  await makeUser('Ann');
  await change(1, { name: 'Beth' });
  await change(1, { name: 'Cleo' });
  await change(1, { name: 'Beth' });
  expect(await inTheWay(options => reverts.revision(2, options))).toEqual([['changed-later', 'User 1 name', 4]]);
});

it('names the link that is in the way', async () => {
  await act('maker', async em => em.create(Post, { title: 'a', tags: [{ name: 'red' }, { name: 'blue' }] } as never));
  const retag = (name: string, ...ids: number[]) =>
    act(name, async em => {
      const post = await em.findOneOrFail(Post, 1, { populate: ['tags'] });
      post.tags.set(ids.map(id => em.getReference(Tag, id)));
    });
  await retag('remover', 1);
  await retag('adder', 1, 2);
  await retag('remover', 1);
  const { conflicts } = await reverts.revision(2, { dryRun: true });
  expect(conflicts).toMatchObject([{ reason: 'changed-later', attribute: 'tags', target: 2, was: true, is: false }]);
});

it('notices what was written past the history', async () => {
  await makeUser('Ann');
  await change(1, { name: 'Beth' });
  await rows(`update "user" set name = 'Eve'`);
  expect(await inTheWay(options => reverts.revision(2, options))).toEqual([
    ['changed-unrecorded', 'User 1 name', null],
  ]);
  await rows(`update "user" set name = 'Ann'`);
  expect(await reverts.revision(2)).toMatchObject({ isEmpty: true, revision: null });
});

it('says that the row is gone, and by whom', async () => {
  await makeUser('Ann');
  await change(1, { name: 'Beth' });
  await remove(1);
  expect(await inTheWay(options => reverts.revision(2, options))).toEqual([['row-gone', 'User 1', 3]]);
  await expect(reverts.revision(2, { onConflict: 'overwrite' })).rejects.toThrow(RevertConflictError);
  expect(await reverts.revision(2, { onConflict: 'keep' })).toMatchObject({ isEmpty: true });
});

it('finds an object gone already that was changed between its making and its deletion', async () => {
  await makeUser('Ann');
  await change(1, { name: 'Beth' });
  await reverts.revision(1, { onConflict: 'overwrite' });
  expect(await reverts.revision(1)).toMatchObject({ isEmpty: true, isClean: true, revision: null });
  expect(await inTheWay(options => reverts.revision(2, options))).toEqual([['row-gone', 'User 1', 3]]);
});

it('says that the key was taken again', async () => {
  await makeUser('Ann');
  await remove(1);
  await act('other', async em => em.create(User, { id: 1, name: 'Other' } as never));
  expect(await inTheWay(options => reverts.undelete(User, 1, options))).toEqual([['key-taken', 'User 1', 3]]);
  await reverts.undelete(User, 1, { onConflict: 'overwrite' });
  expect(await rows('select id, name from "user"')).toEqual([{ id: 1, name: 'Ann' }]);
});

it('says which row has a unique value', async () => {
  await makeUser('Ann', 'a@x');
  await remove(1);
  await makeUser('Beth', 'a@x');
  expect(await inTheWay(options => reverts.undelete(User, 1, options))).toEqual([
    ['unique-taken', 'User 1 email', null],
  ]);
  await expect(reverts.undelete(User, 1)).rejects.toThrow('User 2 has it');
  await reverts.undelete(User, 1, { onConflict: 'keep' });
  expect(await rows('select id, name, email from "user" order by id')).toEqual([
    { id: 1, name: 'Ann', email: null },
    { id: 2, name: 'Beth', email: 'a@x' },
  ]);
});

it('does not count a unique value that the same revert frees', async () => {
  await makeUser('Ann', 'a@x');
  await act('swapper', async em => {
    em.remove(await em.findOneOrFail(User, 1));
    await em.flush();
    em.create(User, { name: 'Beth', email: 'a@x' } as never);
  });
  await reverts.revision([2, 3]);
  expect(await rows('select id, name, email from "user"')).toEqual([{ id: 1, name: 'Ann', email: 'a@x' }]);
});

it('says which parent is gone', async () => {
  await makeUser('Ann');
  await act('author', async em => em.create(Post, { title: 'P', views: 0, author: em.getReference(User, 1) } as never));
  await act('mover', async em => {
    (await em.findOneOrFail(Post, 1)).author = null;
  });
  await remove(1);
  expect(await inTheWay(options => reverts.revision(3, options))).toEqual([['parent-gone', 'Post 1 author', null]]);
  await reverts.revision([3, 4]);
  expect(await rows('select author_id from post')).toEqual([{ author_id: 1 }]);
});

it('says what still refers to an object that it would delete', async () => {
  await act('author', async em => em.create(Post, { title: 'P', views: 0 } as never));
  await act('reader', async em => em.create(Comment, { text: 'c', post: em.getReference(Post, 1) } as never));
  expect(await inTheWay(options => reverts.revision(1, options))).toEqual([['still-referred-to', 'Post 1', null]]);
  await expect(reverts.revision(1)).rejects.toThrow('Comment 1 refers to it');
  expect(await reverts.revision(1, { onConflict: 'keep' })).toMatchObject({ isEmpty: true });
  await reverts.revision([1, 2]);
  expect(await rows('select * from post')).toEqual([]);
});

it('M11: never writes a mask, and never invents what was excluded', async () => {
  await act('maker', async em => em.create(Account, { login: 'ann', secret: 's1', internal: 'i' } as never));
  await act('changer', async em => Object.assign(await em.findOneOrFail(Account, 1), { login: 'beth', secret: 's2' }));
  expect(await inTheWay(options => reverts.revision(2, options))).toEqual([['masked', 'Account 1 secret', null]]);
  await reverts.revision(2, { onConflict: 'keep' });
  expect(await rows('select login, secret, internal from account')).toEqual([
    { login: 'ann', secret: 's2', internal: 'i' },
  ]);
  await act('remover', async em => em.remove(await em.findOneOrFail(Account, 1)));
  expect(await inTheWay(options => reverts.undelete(Account, 1, options))).toEqual([
    ['masked', 'Account 1 secret', null],
    ['unknown-value', 'Account 1 internal', null],
  ]);
  await reverts.undelete(Account, 1, { onConflict: 'keep' });
  expect(await rows('select * from account')).toEqual([]);
});

it('a plan tells no masked value, of the row neither', async () => {
  await act('maker', async em => em.create(Account, { login: 'ann', secret: 's-1', internal: 'i' } as never));
  await act('changer', async em => Object.assign(await em.findOneOrFail(Account, 1), { login: 'beth', secret: 's-2' }));
  const asked: unknown[] = [];
  const plan = await reverts.revision(2, {
    dryRun: true,
    onConflict: conflict => {
      asked.push(conflict);
      return 'keep';
    },
  });
  const secret = plan.objects[0]!.values.find(value => value.attribute === 'secret');
  expect(secret).toMatchObject({ was: '[FILTERED]', is: '[FILTERED]', willBe: '[FILTERED]', status: 'conflict' });
  const error: unknown = await reverts.revision(2).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(RevertConflictError);
  const { plan: refused, message } = error as RevertConflictError;
  expect([JSON.stringify([plan, asked, refused]), String(plan), message].join('')).not.toContain('s-');
  const deletion = await reverts.revision(1, { dryRun: true });
  expect(deletion.objects[0]).toMatchObject({ action: 'delete', status: 'conflict' });
  expect(JSON.stringify(deletion)).not.toContain('s-');
});

it('M10: refuses stored values that do not fit their attribute, and changes nothing', async () => {
  await act('maker', async em => em.create(Post, { title: 'P', views: 1 } as never));
  await act('changer', async em => Object.assign(await em.findOneOrFail(Post, 1), { title: 'Q', views: 2 }));
  await rows(`update revy_object_delta set old_values = '{"title": "P", "views": "many"}' where revision_id = 2`);
  expect(await inTheWay(options => reverts.revision(2, options))).toEqual([['unknown-value', 'Post 1 views', null]]);
  await expect(reverts.revision(2)).rejects.toThrow('what is stored of it does not fit its type');
  expect(await rows('select title, views from post')).toEqual([{ title: 'Q', views: 2 }]);
});

it('D7: excluded columns of an object that comes back have their defaults, else null', async () => {
  await act('maker', async em => em.create(Note, { text: 'a', level: 7, hint: 'h' } as never));
  await act('remover', async em => em.remove(await em.findOneOrFail(Note, 1)));
  await reverts.undelete(Note, 1);
  expect(await rows('select text, level, hint from note')).toEqual([{ text: 'a', level: 3, hint: null }]);
});

it('asks a function about each conflict, once', async () => {
  await makeUser('Ann', 'a@x');
  await change(1, { name: 'Beth', email: 'b@x' });
  await change(1, { name: 'Cleo', email: 'c@x' });
  const asked: (string | null)[] = [];
  await reverts.revision(2, {
    onConflict: ({ attribute }) => {
      asked.push(attribute);
      return attribute === 'name' ? 'keep' : 'overwrite';
    },
  });
  expect(new Set(asked)).toEqual(new Set(['email', 'name']));
  expect(asked).toHaveLength(2);
  expect(await rows('select name, email from "user"')).toEqual([{ name: 'Cleo', email: 'a@x' }]);
});
