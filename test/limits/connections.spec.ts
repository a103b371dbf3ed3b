import { User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { connectionsInUse } from '../support/pool.js';

/** What comes of a transaction whose connection is cut, how many connections are lost by then, and what there is. */
async function cut({ orm, database }: TestOrm): Promise<unknown[]> {
  const done = orm.em.fork().transactional(async em => {
    (await em.findOneOrFail(User, 1)).name = 'lost';
    await em.flush();
    const [{ pid }] = (await em.execute('select pg_backend_pid() as pid')) as [{ pid: number }];
    await database.query('select pg_terminate_backend($1)', [pid]);
  });
  return [
    await done.catch(() => 'failed'),
    await connectionsInUse(orm),
    await database.query('select name from "user"'),
  ];
}

it.each([
  ['without Revy', false as const],
  ['with Revy', undefined],
])('a connection that is cut inside a transaction does not come back to the pool, %s', async (_, revy) => {
  const config = { pool: { min: 0, max: 2, idleTimeoutMillis: 100 } };
  const test = await createOrm(undefined, { config, ...(revy === false && { revy }) });
  try {
    await test.database.query(`insert into "user" (name) values ('Ann')`);
    const left = [{ name: 'Ann' }];
    expect([await cut(test), await cut(test)]).toEqual([
      ['failed', 1, left],
      ['failed', 2, left],
    ]);
  } finally {
    await test.database.drop();
  }
});
