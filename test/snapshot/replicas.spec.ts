import { SnapshotService } from '@revy/mikro-orm';
import { Post } from '../support/blog.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { createOrm, type TestOrm } from '../support/orm.js';

// A replica that has stood still since before the history began, with rows as they were once.
let replica: TestDatabase;
let primary: TestOrm;

beforeAll(async () => {
  replica = await createDatabase();
  const url = new URL(replica.url);
  primary = await createOrm(undefined, {
    config: { replicas: [{ dbName: url.pathname.slice(1) }], preferReadReplicas: true },
  });
  await replica.query(await primary.orm.schema.getCreateSchemaSQL());
  const seed = (slug: string) => `insert into post (title, slug) values ('one', '${slug}')`;
  await replica.query(seed('stale'));
  await primary.database.query(seed('fresh'));
  await primary.orm.em.fork().transactional(async em => {
    const post = await em.findOneOrFail(Post, 1);
    post.slug = 'new';
  });
});
afterAll(async () => {
  await primary.close();
  await replica.drop();
});

const em = () => primary.orm.em.fork();

describe('a replica that lags behind', () => {
  it('does not mix what it knows of the history with present rows: what it has not heard of has not happened', async () => {
    expect((await em().findOneOrFail(Post, 1)).slug).toBe('stale');
    const snapshots = new SnapshotService(em());
    expect(await snapshots.at(Post, 1)).toMatchObject({ version: 0, entity: { slug: 'fresh' } });
    expect(await snapshots.many(Post, [1])).toMatchObject([{ version: 0, entity: { slug: 'fresh' } }]);
  });
});
