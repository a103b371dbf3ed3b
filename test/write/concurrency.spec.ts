import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { LockMode } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import { revy, RevisionContext, SystemActor } from '@revy/mikro-orm';
import { BLOG, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

describe('concurrency', () => {
  let test: TestOrm;
  let others: MikroORM[];
  beforeAll(async () => {
    test = await createOrm(undefined, { config: { pool: { max: 8 } } });
    others = await Promise.all(
      [1, 2].map(() =>
        MikroORM.init({ clientUrl: test.database.url, entities: BLOG, extensions: [revy()], pool: { max: 4 } }),
      ),
    );
  });
  afterAll(async () => {
    for (const orm of others) await orm.close(true);
    await test.close();
  });
  beforeEach(() => test.forget());

  async function users(count: number): Promise<number[]> {
    const em = test.orm.em.fork();
    const made = Array.from({ length: count }, (_, n) => em.create(User, { name: `user ${n}`, email: null }));
    await em.flush();
    return made.map(({ id }) => id);
  }

  async function increment(orm: MikroORM, id: number, by: string): Promise<void> {
    await RevisionContext.run({ actor: new SystemActor(by) }, () =>
      orm.em.fork().transactional(async em => {
        const user = await em.findOneOrFail(User, id, { lockMode: LockMode.PESSIMISTIC_WRITE });
        user.name = `${by} after ${user.name}`.slice(0, 60);
        await em.flush();
        user.email = `${by} ${Math.random()}`;
      }),
    );
  }

  /** The history folds into the live rows, its versions have no gaps, and each old value is the new one before it. */
  async function expectHistoryIsLive(deltas: number): Promise<void> {
    const rows = await test.database.query<{
      object_id: string;
      version: number;
      old_values: Record<string, unknown> | null;
      new_values: Record<string, unknown>;
    }>('select object_id, version, old_values, new_values from revy_object_delta order by id');
    expect(rows).toHaveLength(deltas);
    const states = new Map<string, { version: number; values: Record<string, unknown> }>();
    for (const { object_id: id, version, old_values: old, new_values: now } of rows) {
      const before = states.get(id) ?? { version: 0, values: {} };
      expect(version).toBe(before.version + 1);
      expect(before.values).toMatchObject(old ?? {});
      states.set(id, { version, values: { ...before.values, ...now } });
    }
    const live = await test.database.query<{ id: number; name: string; email: string | null }>(
      'select * from "user" where id::text = any($1)',
      [[...states.keys()]],
    );
    expect(Object.fromEntries([...states].map(([id, { values }]) => [id, values]))).toEqual(
      Object.fromEntries(live.map(({ id, ...values }) => [String(id), values])),
    );
  }

  it('Q2: 8 workers with 50 transactions each on 10 rows lose nothing', async () => {
    const ids = await users(10);
    const worker = async (n: number) => {
      for (let turn = 0; turn < 50; turn++) await increment(test.orm, ids[(n + turn * 7) % 10]!, `worker ${n}`);
    };
    await Promise.all(Array.from({ length: 8 }, (_, n) => worker(n)));
    await expectHistoryIsLive(10 + 400);
    const actors = await test.database.query(
      'select actor_id, count(*)::int from revy_object_delta where actor_id is not null group by 1 order by 1',
    );
    expect(actors).toEqual(Array.from({ length: 8 }, (_, n) => ({ actor_id: `worker ${n}`, count: 50 })));
    expect(await test.revisions()).toHaveLength(401);
  });

  it('Q1: 40 tasks with 4 commits each on objects of their own', async () => {
    const ids = await users(40);
    await Promise.all(
      ids.map(async (id, n) => {
        for (let turn = 0; turn < 4; turn++) await increment(test.orm, id, `task ${n}`);
      }),
    );
    await expectHistoryIsLive(40 + 160);
    const versions = await test.database.query('select max(version) as last from revy_object_delta group by object_id');
    expect(versions).toEqual(ids.map(() => ({ last: 5 })));
  });

  it('Q3: several ORMs on one database never collide', async () => {
    const ids = await users(3);
    const orms = [test.orm, ...others];
    await Promise.all(
      orms.flatMap((orm, n) =>
        [0, 1, 2, 3].map(async worker => {
          for (let turn = 0; turn < 5; turn++) await increment(orm, ids[(worker + turn) % 3]!, `orm ${n} ${worker}`);
        }),
      ),
    );
    await expectHistoryIsLive(3 + 60);
    const [distinct] = await test.database.query(
      'select count(distinct revision_id)::int as revisions, count(*)::int as deltas from revy_object_delta',
    );
    expect(distinct).toEqual({ revisions: 61, deltas: 63 });
  });

  it('plain flushes that wait for each other on one row are recorded in the order of their commits', async () => {
    const [id] = await users(1);
    await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const em = test.orm.em.fork();
        em.getReference(User, id!).name = `flush ${n}`;
        await em.flush();
      }),
    );
    const rows = await test.deltas();
    const [live] = await test.database.query<{ name: string }>('select name from "user" where id = $1', [id]);
    expect(rows).toHaveLength(21);
    expect(rows.at(-1)!.new).toEqual({ name: live!.name });
  });
});
