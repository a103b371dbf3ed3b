import { Post, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { connectionsInUse } from '../support/pool.js';

let test: TestOrm;
beforeAll(async () => {
  const config = { pool: { min: 0, max: 2 }, driverOptions: { application_name: 'given back' } };
  test = await createOrm(undefined, { config });
  const em = test.orm.em.fork();
  const author = em.create(User, { name: 'Ann', email: null });
  em.create(Post, { title: 'post', slug: 'old', views: 0, meta: null, author });
  await em.flush();
  await test.forget();
});
afterAll(() => test.close());

const sessions = () =>
  test.database.query(
    `select state from pg_stat_activity where datname = current_database() and application_name = $1`,
    ['given back'],
  );

async function remove(): Promise<void> {
  const em = test.orm.em.fork();
  await em.remove(em.getReference(Post, 1)).flush();
}

it('where a flush cannot read what it has to know, no transaction stays open, and no connection is lost', async () => {
  await test.database.query('alter table post rename column slug to renamed');
  for (let round = 0; round < 3; round++) await expect(remove()).rejects.toThrow('slug does not exist');
  expect([await connectionsInUse(test.orm), await sessions()]).toEqual([0, [{ state: 'idle' }]]);
  await test.database.query('alter table post rename column renamed to slug');
  await remove();
  expect((await test.deltas()).map(({ action, old }) => [action, old])).toEqual([
    ['delete', { title: 'post', slug: 'old', views: 0, meta: null, author: 1 }],
  ]);
});
