import { RevertConflictError, RevertService, RevisionContext, SystemActor } from '@revy/mikro-orm';
import { Comment, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

let t: TestOrm;
beforeEach(async () => {
  t = await createOrm();
});
afterEach(() => t.close());

const rows = (sql: string) => t.database.query<Record<string, unknown>>(sql);
const inFrame = <R>(name: string, fn: () => R) =>
  RevisionContext.run({ actor: new SystemActor(name), revisionDescription: name }, fn);

async function makePost() {
  const em = t.orm.em.fork();
  const post = em.create(Post, { title: 'First', views: 1, meta: { a: [1] } } as never);
  em.create(Comment, { text: 'one', post } as never);
  post.tags.add(em.create(Tag, { name: 'news' } as never));
  await em.flush();
  return em;
}

it('undoes an update, and names what it reverted', async () => {
  const em = await makePost();
  const post = await em.findOneOrFail(Post, 1, { populate: ['tags'] });
  post.title = 'Second';
  post.tags.removeAll();
  await em.flush();
  const plan = await new RevertService(em).revision(2);
  expect(await rows('select title from post')).toEqual([{ title: 'First' }]);
  expect(await rows('select * from post_tags')).toEqual([{ post_id: 1, tag_id: 1 }]);
  expect(plan.revision).toBe(3);
  expect(await rows('select id::int, reverts::int, description from revy_revision where id = 3')).toEqual([
    { id: 3, reverts: 2, description: 'Reverts revision 2' },
  ]);
  await new RevertService(em).revision(3);
  expect(await rows('select title from post')).toEqual([{ title: 'Second' }]);
  expect(await rows('select * from post_tags')).toEqual([]);
});

it('deletes what was created, and brings back what was deleted with all that went along', async () => {
  const em = await makePost();
  const before = [
    await rows('select * from post'),
    await rows('select * from comment'),
    await rows('select * from post_tags'),
  ];
  await em.remove(await em.findOneOrFail(Post, 1)).flush();
  await new RevertService(em).revision(2);
  expect([
    await rows('select * from post'),
    await rows('select * from comment'),
    await rows('select * from post_tags'),
  ]).toEqual(before);
  await new RevertService(em).revision([1, 2, 3], { onConflict: 'overwrite' });
  expect(await rows('select * from post')).toEqual([]);
});

it('undoes what a revision did to chosen objects, and leaves what it did to others', async () => {
  const em = await makePost();
  const changed = await em.findOneOrFail(Post, 1, { populate: ['comments'] });
  Object.assign(changed, { title: 'Second', views: 2 });
  changed.comments[0]!.text = 'two';
  await em.flush();
  const isPost = ({ objectType, objectId }: { objectType: string; objectId: string }) =>
    `${objectType} ${objectId}` === 'Post 1';
  const plan = await new RevertService(em).revision(2, { only: isPost });
  expect(plan.objects.map(({ objectType, action }) => [objectType, action])).toEqual([['Post', 'update']]);
  expect(await rows('select title, views, text from post, comment')).toEqual([
    { title: 'First', views: 1, text: 'two' },
  ]);
  expect(await rows('select reverts::int from revy_revision where id = 3')).toEqual([{ reverts: 2 }]);
  await new RevertService(em).revision(2);
  expect(await rows('select title, views, text from post, comment')).toEqual([
    { title: 'First', views: 1, text: 'one' },
  ]);
  expect(await new RevertService(em).revision(2, { only: () => false })).toMatchObject({ objects: [], revision: null });
});

it('refuses to overwrite what a later revision set', async () => {
  const em = await makePost();
  const post = await em.findOneOrFail(Post, 1);
  post.title = 'Second';
  post.views = 5;
  await inFrame('importer', () => em.flush());
  post.title = 'Third';
  await inFrame('editor', () => em.flush());
  const reverts = new RevertService(em);
  await expect(reverts.revision(2)).rejects.toThrow(RevertConflictError);
  await reverts.revision(2, { dryRun: true });
  expect(await rows('select title, views from post')).toEqual([{ title: 'Third', views: 5 }]);
  await reverts.revision(2, { onConflict: 'keep' });
  expect(await rows('select title, views from post')).toEqual([{ title: 'Third', views: 1 }]);
});

it('goes back to versions, undoes and redoes', async () => {
  const em = await makePost();
  const post = await em.findOneOrFail(Post, 1);
  for (const title of ['Second', 'Third']) {
    post.title = title;
    await em.flush();
  }
  const reverts = new RevertService(em);
  const titles: unknown[] = [];
  const title = async () => titles.push((await rows('select title from post'))[0]?.['title']);
  for (const step of ['undo', 'undo', 'redo', 'redo', 'undo'] as const) {
    await reverts[step](Post, 1);
    await title();
  }
  expect(titles).toEqual(['Second', 'First', 'Second', 'Third', 'Second']);
  await reverts.toVersion(Post, 1, 1);
  await title();
  await reverts.toVersion(Post, 1, -1);
  await title();
  await em.fork().nativeDelete(Post, 1);
});

it('copies an old state into a new object', async () => {
  const em = await makePost();
  const post = await em.findOneOrFail(Post, 1);
  post.title = 'Second';
  post.author = em.create(User, { name: 'Ann' } as never);
  await em.flush();
  const fresh = t.orm.em.fork();
  const copy = await new RevertService(fresh).copy(Post, 1, 2, { slug: 'copy' });
  await fresh.flush();
  expect(copy.id).toBe(2);
  expect(await rows('select title, slug, author_id from post order by id')).toEqual([
    { title: 'Second', slug: null, author_id: 1 },
    { title: 'Second', slug: 'copy', author_id: 1 },
  ]);
});

it('brings children and links back that a deletion took along', async () => {
  const em = await makePost();
  await em.remove(await em.findOneOrFail(Post, 1)).flush();
  await rows('alter sequence post_id_seq restart with 1');
  const reverts = new RevertService(em);
  await reverts.undelete(Post, 1, { with: ['comments', 'tags'] });
  expect(await rows('select post_id, text from comment')).toEqual([{ post_id: 1, text: 'one' }]);
  expect(await rows('select * from post_tags')).toEqual([{ post_id: 1, tag_id: 1 }]);
  const fresh = t.orm.em.fork();
  fresh.create(Post, { title: 'next', views: 0 } as never);
  await fresh.flush();
  expect(await rows('select id from post order by id')).toEqual([{ id: 1 }, { id: 2 }]);
});

it('puts an object back with what belongs to it', async () => {
  const em = await makePost();
  const post = await em.findOneOrFail(Post, 1, { populate: ['comments', 'tags'] });
  post.title = 'Second';
  post.comments[0]!.text = 'changed';
  em.create(Comment, { text: 'two', post } as never);
  post.tags.removeAll();
  await em.flush();
  const reverts = new RevertService(em);
  await reverts.toVersion(Post, 1, 1);
  expect(await rows('select title from post')).toEqual([{ title: 'First' }]);
  expect(await rows('select text from comment order by id')).toEqual([{ text: 'changed' }, { text: 'two' }]);
  await reverts.toVersion(Post, 1, { version: 1 }, { relations: ['comments', 'tags'] });
  expect(await rows('select text from comment order by id')).toEqual([{ text: 'one' }]);
  expect(await rows('select * from post_tags')).toEqual([{ post_id: 1, tag_id: 1 }]);
  await expect(reverts.toVersion(Post, 1, 1, { relations: ['nothing' as never] })).rejects.toThrow(
    'has no such relation',
  );
});
