import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { AsOfSchemaError, RevisionContext, SnapshotService } from '@revy/mikro-orm';
import { defineEntity, p } from '@mikro-orm/core';
import { BLOG, Comment, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

// What docs/limits.md says of reading as of a point.

const Leaf = defineEntity({ name: 'Leaf', schema: '*', properties: { id: p.integer().primary() } });
const Secret = defineEntity({
  name: 'Secret',
  revy: { mask: ['token'] },
  properties: { id: p.integer().primary(), token: p.string().nullable() },
});

let test: TestOrm;
beforeAll(async () => {
  test = await createOrm([...BLOG, Leaf, Secret]);
  await test.database.query(`create view titles as select title from post;
    create function titles_of() returns setof text language sql as 'select title from post'`);
});
afterAll(() => test.close());

beforeEach(async () => {
  await test.database.query('truncate "user", tag, post, comment, post_tags, secret restart identity cascade');
  await test.forget();
  const em = test.orm.em.fork();
  const post = em.create(Post, { title: 'One', views: 0, slug: null, meta: null, author: null });
  em.create(Post, { title: 'Other', views: 0, slug: null, meta: null, author: null });
  for (const name of ['a', 'b']) post.tags.add(em.create(Tag, { name }));
  for (const text of ['first', 'second']) em.create(Comment, { text, post });
  em.create(Secret, { id: 1, token: 'hidden' });
  await em.flush(); // 1
  post.title = 'Two';
  await em.flush(); // 2
});

const past = <T>(read: (em: SqlEntityManager) => Promise<T>) =>
  new SnapshotService(test.orm.em.fork() as SqlEntityManager).asOf({ revision: 1 }, read);

it('functions and views that only the database has read the present', async () => {
  expect(await past(em => em.execute('select title from titles order by 1'))).toEqual([
    { title: 'Other' },
    { title: 'Two' },
  ]);
  expect(await past(em => em.execute('select * from titles_of() t order by 1'))).toEqual([
    { t: 'Other' },
    { t: 'Two' },
  ]);
  expect(await past(em => em.execute('select title from post order by id'))).toEqual([
    { title: 'One' },
    { title: 'Other' },
  ]);
});

it('a row of which nothing was recorded since is read as it is, whatever was written past the history', async () => {
  await test.database.query('update post set views = 7');
  const views = await past(em => em.execute('select title, views from post order by id'));
  expect(views).toEqual([
    { title: 'One', views: 0 },
    { title: 'Other', views: 7 },
  ]);
  const snapshots = new SnapshotService(test.orm.em.fork());
  expect((await snapshots.at(Post, 2, { revision: 1 }))!.entity.views).toBe(0);
  const em = test.orm.em.fork();
  (await em.findOneOrFail(Post, 2)).title = 'Another';
  await RevisionContext.runDisabled(() => em.flush());
  expect(await past(reader => reader.count(Post, { title: 'Another' }))).toBe(1);
});

it('what nobody knows is null to conditions of SQL', async () => {
  const em = test.orm.em.fork();
  (await em.findOneOrFail(Secret, 1)).token = 'other';
  await em.flush();
  expect(await past(reader => reader.count(Secret, { token: null }))).toBe(1);
  expect(await past(reader => reader.count(Secret, { token: 'hidden' }))).toBe(0);
});

it('a class in several schemas is refused', async () => {
  await expect(past(em => em.find(Leaf, {}, { schema: 'garden' }))).rejects.toBeInstanceOf(AsOfSchemaError);
});

it('getConnection().getClient() reads the present', async () => {
  const titles = await past(em =>
    em
      .getConnection()
      .getClient<{ post: { title: string } }>()
      .selectFrom('post')
      .select('title')
      .orderBy('title')
      .execute(),
  );
  expect(titles).toEqual([{ title: 'Other' }, { title: 'Two' }]);
});

it('children of a parent are looked for among all rows where much has happened since, one object by its key never', async () => {
  await test.database.query(`insert into comment (text, post_id) select 'c', 2 from generate_series(1, 3000)`);
  await test.database.query('analyze');
  const explained = async (condition: string) => {
    const lines = await past(em =>
      em.execute<Record<string, string>[]>(
        `explain (analyze, costs off, timing off) select * from comment where ${condition}`,
      ),
    );
    return lines.map(line => Object.values(line)[0]!).join('\n');
  };
  expect(await explained('id = 1')).toMatch(/Index (Only )?Scan using comment_pkey/);
  expect(await explained('post_id = 1')).toContain('CTE revy comment changed');
  await test.database.query(`
    insert into revy_object_delta (revision_id, action, object_type, object_id, version, old_values, new_values)
    select (select max(id) from revy_revision), 'update', 'Nothing', '1', i, '{}', '{}' from generate_series(1, 10001) i`);
  expect(await explained('post_id = 1')).not.toContain('revy comment changed');
  expect(await explained('post_id = 1')).toMatch(/Scan on comment.*rows=3002/);
  const sent = await statementsOf(() => past(em => em.find(Post, { id: 1 }, { populate: ['comments', 'author'] })));
  expect(sent.filter(sql => sql.includes('from "comment"'))).toHaveLength(1);
  expect(await past(em => em.count(User))).toBe(0);
});
