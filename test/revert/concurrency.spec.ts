import {
  defineEntity,
  ForeignKeyConstraintViolationException,
  OptimisticLockError,
  p,
  UniqueConstraintViolationException,
} from '@mikro-orm/core';
import { RevertConflictError, RevertService, RevisionContext, SystemActor } from '@revy/mikro-orm';
import { BLOG, Comment, Post, Tag } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

/** Tells whoever saves an old state of it. */
class Page {
  id!: number;
  text!: string;
  version!: number;
}

const PageSchema = defineEntity({
  class: Page,
  properties: { id: p.integer().primary().autoincrement(), text: p.string(), version: p.integer().version() },
});

let t: TestOrm;
beforeEach(async () => {
  t = await createOrm([...BLOG, PageSchema]);
});
afterEach(() => t.close());

const reverts = () => new RevertService(t.orm.em.fork());
const rows = (sql: string) => t.database.query<Record<string, unknown>>(sql);
const reasons = (error: unknown) => (error as RevertConflictError).plan.conflicts.map(({ reason }) => reason);

async function untilSomebodyWaits(): Promise<void> {
  const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  while ((await rows(waiting)).length === 0) await new Promise(resolve => setTimeout(resolve, 5));
}

async function makePost() {
  const em = t.orm.em.fork();
  const post = em.create(Post, { title: 'First', views: 0 } as never);
  em.create(Comment, { text: 'one', post });
  await em.flush();
  return { em, post };
}

it('two reverts of the same revisions, named in any order, do not deadlock, and one of them does the work', async () => {
  const em = t.orm.em.fork();
  const tags = Array.from({ length: 20 }, (_, index) => em.create(Tag, { name: `${index}` } as never));
  await em.flush();
  for (const half of [tags.slice(0, 15), tags.slice(5)]) {
    for (const tag of half.toReversed()) tag.name += '!';
    await em.flush();
  }
  const before = await rows('select name from tag order by id');
  for (let round = 0; round < 10; round += 1) {
    const plans = await Promise.all(
      [
        [2, 3],
        [3, 2],
        [2, 3],
      ].map(ids => reverts().revision(ids)),
    );
    expect(plans.filter(plan => !plan.isEmpty)).toHaveLength(1);
    expect(await rows(`select name from tag where name like '%!'`)).toEqual([]);
    await reverts().revision(plans.find(plan => !plan.isEmpty)!.revision!);
    expect(await rows('select name from tag order by id')).toEqual(before);
  }
  const recorded = await rows(
    'select array_agg(version::int order by id) as v from revy_object_delta group by object_id',
  );
  for (const { v } of recorded) expect(v).toEqual((v as unknown[]).map((_, index) => index + 1));
});

it('two reverts that put different things of one object back both hold', async () => {
  const { em, post } = await makePost();
  post.title = 'Second';
  await em.flush();
  post.views = 7;
  await em.flush();
  await Promise.all([reverts().revision(2), reverts().revision(3)]);
  expect(await rows('select title, views from post')).toEqual([{ title: 'First', views: 0 }]);
});

it('an editor who loaded the object before the revert is told, where it has a version', async () => {
  const em = t.orm.em.fork();
  const page = em.create(Page, { text: 'First' } as never);
  await em.flush();
  page.text = 'Second';
  await em.flush();
  const editor = t.orm.em.fork();
  (await editor.findOneOrFail(Page, 1)).text = 'Third';
  const reverting = t.orm.em.fork();
  await reverting.begin();
  await new RevertService(reverting).revision(2);
  const edit = RevisionContext.run({ actor: new SystemActor('editor') }, () => editor.flush()).catch(
    (error: unknown) => error,
  );
  await untilSomebodyWaits();
  await reverting.commit();
  expect(await edit).toBeInstanceOf(OptimisticLockError);
  expect(await rows('select text, version from page')).toEqual([{ text: 'First', version: 3 }]);
  expect((await t.deltas()).map(({ new: after }) => after?.['text'])).toEqual(['First', 'Second', 'First']);
});

it('a revert is told that the object was deleted meanwhile', async () => {
  const { em, post } = await makePost();
  post.title = 'Second';
  await em.flush();
  const other = t.orm.em.fork();
  await other.begin();
  other.remove(await other.findOneOrFail(Post, 1));
  await other.flush();
  const revert = reverts()
    .revision(2)
    .catch((error: unknown) => error);
  await untilSomebodyWaits();
  await other.commit();
  expect(reasons(await revert)).toEqual(['row-gone']);
  expect(await rows('select * from post')).toEqual([]);
});

it('a revert is told that the key was taken meanwhile', async () => {
  const { em, post } = await makePost();
  await em.remove(post).flush();
  const other = t.orm.em.fork();
  await other.begin();
  other.create(Post, { id: 1, title: 'Other', views: 0 } as never);
  await other.flush();
  const revert = reverts()
    .undelete(Post, 1, { with: ['comments'] })
    .catch((error: unknown) => error);
  await untilSomebodyWaits();
  await other.commit();
  // there was no row to lock
  expect(await revert).toBeInstanceOf(UniqueConstraintViolationException);
  expect([await rows('select title from post'), await rows('select * from comment')]).toEqual([
    [{ title: 'Other' }],
    [],
  ]);
  expect(await t.revisions()).toHaveLength(3);
  expect(
    reasons(
      await reverts()
        .undelete(Post, 1)
        .catch((error: unknown) => error),
    ),
  ).toEqual(['key-taken']);
});

it('a revert is told that the parent was deleted meanwhile', async () => {
  const { em } = await makePost();
  await em.remove(await em.findOneOrFail(Comment, 1)).flush();
  const other = t.orm.em.fork();
  await other.begin();
  other.remove(await other.findOneOrFail(Post, 1));
  await other.flush();
  const revert = reverts()
    .undelete(Comment, 1)
    .catch((error: unknown) => error);
  await untilSomebodyWaits();
  await other.commit();
  expect(await revert).toBeInstanceOf(ForeignKeyConstraintViolationException);
  expect([await rows('select * from comment'), (await t.revisions()).length]).toEqual([[], 3]);
  expect(
    reasons(
      await reverts()
        .undelete(Comment, 1)
        .catch((error: unknown) => error),
    ),
  ).toEqual(['parent-gone']);
});
