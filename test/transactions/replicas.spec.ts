import { HistoryService, RevertService, SnapshotService } from '@revy/mikro-orm';
import { Comment, Post, Tag, User } from '../support/blog.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { createOrm, type TestOrm } from '../support/orm.js';

// A replica that lags behind for ever: another database, with rows as they were once, which nothing is written to.
let replica: TestDatabase;
let primary: TestOrm;

beforeAll(async () => {
  replica = await createDatabase();
  const url = new URL(replica.url);
  primary = await createOrm(undefined, {
    config: { replicas: [{ dbName: url.pathname.slice(1) }], preferReadReplicas: true },
  });
  await replica.query(await primary.orm.schema.getCreateSchemaSQL());
});
afterAll(async () => {
  await primary.close();
  await replica.drop();
});

const SEED = (age: string) => `
  truncate "user", post, comment, tag, post_tags restart identity;
  insert into "user" (name, email) values ('Ann', '${age}@ann'), ('Bob', '${age}@bob');
  insert into post (title, slug, views, author_id) values ('one', '${age}', 1, 1), ('two', '${age}', 2, 1);
  insert into tag (name) values ('${age} tag'), ('other');
  insert into post_tags (post_id, tag_id) values (1, ${age === 'stale' ? 1 : 2});
  insert into comment (text, post_id) values ('${age} comment', 1)`;

beforeEach(async () => {
  await replica.query(SEED('stale'));
  await primary.database.query(SEED('fresh'));
  await primary.forget();
});

const em = () => primary.orm.em.fork();
const told = async () => (await primary.deltas()).map(({ action, object, old }) => ({ action, object, old }));

it('reads come from the replica, as the application wants it', async () => {
  expect((await em().findOneOrFail(Post, 1)).slug).toBe('stale');
});

describe('old values that nobody loaded come from the primary', () => {
  it('of an entity that was loaded in part', async () => {
    const mine = em();
    (await mine.findOneOrFail(Post, 1, { fields: ['title'] as never })).slug = 'new';
    await mine.flush();
    expect(await told()).toEqual([{ action: 'update', object: 'Post:1', old: { slug: 'fresh' } }]);
  });

  it('of references that are changed and removed', async () => {
    const mine = em();
    mine.getReference(User, 2).email = 'new';
    mine.remove(mine.getReference(Comment, 1));
    await mine.flush();
    expect(await told()).toEqual([
      { action: 'update', object: 'User:2', old: { email: 'fresh@bob' } },
      { action: 'delete', object: 'Comment:1', old: { text: 'fresh comment', post: 1 } },
    ]);
  });

  it('of what is taken along, links included', async () => {
    const mine = em();
    await mine.remove(mine.getReference(Post, 1)).flush();
    expect((await told()).map(({ object, old }) => [object, old])).toEqual([
      ['Post:1', expect.objectContaining({ slug: 'fresh', tags: { added: [], removed: [2] } })],
      ['Comment:1', { text: 'fresh comment', post: 1 }],
    ]);
  });

  it('of a collection that was not loaded', async () => {
    const mine = em();
    (await mine.findOneOrFail(Post, 1)).tags.set([mine.getReference(Tag, 1)]);
    await mine.flush();
    const [delta] = await primary.deltas();
    expect(delta).toMatchObject({ object: 'Post:1', new: { tags: { added: [1], removed: [2] } } });
  });

  it.each([
    ['nativeUpdate', () => em().nativeUpdate(Post, { title: 'one' }, { slug: 'new' })],
    ['upsert', () => em().upsert(Post, { id: 1, title: 'one', slug: 'new' } as never)],
  ])('of em.%s()', async (_, write) => {
    await write();
    expect(await told()).toMatchObject([{ action: 'update', object: 'Post:1', old: { slug: 'fresh' } }]);
  });

  it('of em.nativeDelete(), with what goes along', async () => {
    await em().nativeDelete(Post, { title: 'one' });
    expect((await told()).map(({ object, old }) => [object, old!['slug'] ?? old!['text']])).toEqual([
      ['Comment:1', 'fresh comment'],
      ['Post:1', 'fresh'],
    ]);
  });
});

describe('the history is read where the application reads', () => {
  it('from the replica outside a transaction, and from the primary inside one', async () => {
    await em().nativeUpdate(Post, 1, { slug: 'new' });
    const mine = em();
    expect(await new HistoryService(mine).deltas(Post, 1)).toEqual([]);
    await mine.transactional(async inner => {
      expect(await new HistoryService(inner).deltas(Post, 1)).toHaveLength(1);
      expect((await new SnapshotService(inner).at(Post, 1, { before: 1 }))?.entity.slug).toBe('fresh');
    });
  });

  it('reverts look at the primary only', async () => {
    await em().nativeUpdate(Post, 1, { slug: 'new' });
    const plan = await new RevertService(em()).revision(1, { dryRun: true });
    expect(plan.toJSON()).toMatchObject({ objects: [{ objectId: '1', status: 'clean' }] });
    await new RevertService(em()).revision({ type: Post });
    const [slug] = await primary.database.query('select slug from post where id = 1');
    expect(slug).toEqual({ slug: 'fresh' });
    expect(await primary.revisions()).toHaveLength(2);
    await new RevertService(em()).undo(Post, 1);
    await new RevertService(em()).toVersion(Post, 1, 2);
    expect(await primary.database.query('select slug from post where id = 1')).toEqual([{ slug: 'fresh' }]);
  });
});
