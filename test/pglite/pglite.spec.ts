import { type EntityManager, MikroORM } from '@mikro-orm/pglite';
import {
  AttributeDelta,
  HistoryService,
  RevertConflictError,
  RevertService,
  RevisionContext,
  revy,
  SnapshotService,
  SystemActor,
} from '@revy/mikro-orm';
import { BLOG, Comment, Post, Tag, User } from '../support/blog.js';

// PostgreSQL in this process, by another driver: the same as everywhere else, in short.

let orm: MikroORM;

beforeAll(async () => {
  orm = await MikroORM.init({ dbName: 'memory://', entities: BLOG, extensions: [revy()] });
  await orm.schema.create();
});
afterAll(() => orm.close(true));

const em = () => orm.em.fork() as EntityManager;
const rows = (sql: string) => em().execute<Record<string, unknown>[]>(sql);
const by = <R>(name: string, work: () => Promise<R>) =>
  RevisionContext.run({ actor: new SystemActor(name), revisionDescription: `by ${name}` }, work);

async function change(values: Partial<Post>, name = 'editor'): Promise<void> {
  const fork = em();
  Object.assign(await fork.findOneOrFail(Post, 1), values);
  await by(name, () => fork.flush());
}

beforeEach(async () => {
  await RevisionContext.runDisabled(() =>
    rows('truncate "user", tag, post, comment, post_tags, revy_revision, revy_object_delta restart identity'),
  );
  const fork = em();
  const author = fork.create(User, { name: 'Ann', email: null });
  const post = fork.create(Post, { title: 'First', slug: null, views: 1, meta: { deep: [1, null] }, author });
  fork.create(Comment, { text: 'one', post });
  post.tags.add(fork.create(Tag, { name: 'news' }));
  await by('maker', () => fork.flush());
});

it('has a schema that is up to date once it is made', async () => {
  expect(await orm.schema.getUpdateSchemaSQL()).toBe('');
});

it('captures flushes, transactions, native calls, cascades and links, and rolls them back', async () => {
  await change({ title: 'Second' });
  await em().transactional(async tx => {
    await tx.insert(Tag, { name: 'two' });
    await tx.nativeUpdate(Post, 1, { views: 7 });
    await tx.upsert(Tag, { id: 1, name: 'NEWS' });
  });
  await expect(
    em().transactional(async tx => {
      await tx.nativeDelete(Comment, 1);
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  const fork = em();
  await fork.remove(await fork.findOneOrFail(Post, 1)).flush();
  const recorded =
    await rows(`select revision_id::int as r, action, object_type as type, old_values as old, new_values as new
    from revy_object_delta where revision_id > 1 order by id`);
  expect(recorded.map(({ r, action, type }) => [r, action, type])).toEqual([
    [2, 'update', 'Post'],
    [3, 'create', 'Tag'],
    [3, 'update', 'Post'],
    [3, 'update', 'Tag'],
    [4, 'delete', 'Post'],
    [4, 'delete', 'Comment'],
  ]);
  expect(recorded[0]).toMatchObject({ old: { title: 'First' }, new: { title: 'Second' } });
  expect(recorded[4]).toMatchObject({ old: { title: 'Second', views: 7, tags: { removed: [1] } }, new: null });
});

it('tells what happened: versions, differences, blame, and the view of attributes', async () => {
  await change({ title: 'Second' });
  await change({ views: 2 }, 'counter');
  const history = new HistoryService(em());
  const versions = await history.versions(Post, 1);
  expect(versions.map(({ number, changed, actorId }) => [number, actorId, changed.length > 2 ? '…' : changed])).toEqual(
    [
      [1, 'maker', '…'],
      [2, 'editor', ['title']],
      [3, 'counter', ['views']],
    ],
  );
  expect(versions[0]!.validFrom).toBeInstanceOf(Date);
  expect((await history.diff(Post, 1, { version: 1 }))!.changed).toMatchObject({
    title: { oldValue: 'First', newValue: 'Second' },
    views: { oldValue: 1, newValue: 2 },
  });
  expect((await history.blame(Post, 1))!.views).toMatchObject({ actorId: 'counter' });
  expect(await history.revisions({ type: Post, changed: { views: { to: 2 } } })).toHaveLength(1);
  expect(await em().find(AttributeDelta, { attribute: 'title', newValue: 'Second' })).toHaveLength(1);
});

it('rebuilds snapshots, and reads everything as of a point', async () => {
  for (let views = 2; views <= 20; views += 1) await change({ views });
  const fork = em();
  await fork.remove(await fork.findOneOrFail(Post, 1)).flush();
  const snapshots = new SnapshotService(em());
  expect((await snapshots.at(Post, 1, { version: 9 }))!.entity).toMatchObject({ views: 9, meta: { deep: [1, null] } });
  expect(await snapshots.at(Post, 1)).toBeNull();
  const past = await snapshots.asOf({ revision: 5 }, async reader => {
    const found = await reader.find(Post, { author: { name: 'Ann' } }, { populate: ['comments', 'tags', 'author'] });
    const [sql] = await (reader as EntityManager).execute<{ views: number }[]>('select views from post');
    return [found, sql!.views] as const;
  });
  expect(past[0]).toMatchObject([{ views: 5, author: { name: 'Ann' } }]);
  expect([past[0][0]!.comments[0]!.text, past[0][0]!.tags[0]!.name, past[1]]).toEqual(['one', 'news', 5]);
  expect(await em().count(Post)).toBe(0);
});

it('reverts, with what belonged to the object, and finds conflicts', async () => {
  const before = await rows('select * from post');
  await change({ title: 'Second' }, 'importer');
  await change({ title: 'Third' });
  const reverts = new RevertService(em());
  await expect(reverts.revision({ actor: new SystemActor('importer') })).rejects.toThrow(RevertConflictError);
  await reverts.toVersion(Post, 1, 1);
  expect(await rows('select * from post')).toEqual(before);
  const fork = em();
  await fork.remove(await fork.findOneOrFail(Post, 1)).flush();
  await reverts.undelete(Post, 1, { with: ['comments', 'tags'] });
  expect(await rows('select * from post')).toEqual(before);
  expect(await rows('select post_id, text from comment')).toEqual([{ post_id: 1, text: 'one' }]);
  expect(await rows('select * from post_tags')).toEqual([{ post_id: 1, tag_id: 1 }]);
});
