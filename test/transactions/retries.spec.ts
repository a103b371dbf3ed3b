import { DeadlockException, IsolationLevel, LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { HistoryService, RevisionContext, SystemActor } from '@revy/mikro-orm';
import { Post } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { createTwins } from './twins.js';
import { forget, installWitness, recorded, witnessed } from './witness.js';

let test: TestOrm;
beforeAll(async () => {
  const driverOptions = { options: '-c deadlock_timeout=50ms' };
  test = await createOrm(undefined, { config: { pool: { max: 20 }, driverOptions } });
  await installWitness(test);
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.database.query('truncate "user", post, comment, tag, post_tags restart identity');
  const em = test.orm.em.fork();
  for (const title of ['one', 'two']) em.create(Post, { title, slug: null, views: 0, meta: null, author: null });
  await em.flush();
  await forget(test);
});

const expectWitnessed = async () => expect(await recorded(test)).toEqual(await witnessed(test));

const isTransient = (error: unknown) => ['40001', '40P01'].includes((error as { code: string }).code);

interface Attempts {
  count: number;
}

/** What applications write around their transactions. */
async function retrying<T>(attempts: Attempts, run: () => Promise<T>): Promise<T> {
  for (;;) {
    attempts.count++;
    try {
      return await run();
    } catch (error) {
      if (!isTransient(error)) throw error;
    }
  }
}

/** Both parties arrive once before either goes on; later arrivals go on at once. */
function meeting(): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let arrived = 0;
  return () => {
    if (++arrived === 2) resolve();
    return promise;
  };
}

const views = async () =>
  (await test.database.query<{ views: number }>('select views from post order by id')).map(row => row.views);
const summary = async () => (await test.deltas()).map(row => [row.object, row.old, row.new, row.actor]);

async function add(em: EntityManager, id: number, by: number): Promise<void> {
  const post = await em.findOneOrFail(Post, id);
  post.views += by;
  await em.flush();
}

/** Which entity manager a retry uses: a fork of its own, or the same one after a clear(). */
const managers: [string, () => () => EntityManager][] = [
  ['with a fork for each attempt', () => () => test.orm.em.fork()],
  [
    'with the same entity manager, cleared',
    () => {
      const em = test.orm.em.fork();
      return () => {
        em.clear();
        return em;
      };
    },
  ],
];

describe.each(managers)('a transaction that is tried again, %s, is recorded once', (_, manager) => {
  it('after an update that could not be serialized', async () => {
    const attempts = { count: 0 };
    const [meet, next] = [meeting(), manager()];
    const options = { isolationLevel: IsolationLevel.REPEATABLE_READ };
    const both = ['Ann', 'Ben'].map(name => {
      const own = name === 'Ann' ? next : () => test.orm.em.fork();
      return RevisionContext.run({ actor: new SystemActor(name) }, () =>
        retrying(attempts, () =>
          own().transactional(async em => {
            await em.find(Post, {});
            await meet();
            await add(em, 1, 1);
          }, options),
        ),
      );
    });
    await Promise.all(both);
    expect([attempts.count, await views()]).toEqual([3, [2, 0]]);
    expect((await summary()).map(row => row.slice(0, 3))).toEqual([
      ['Post:1', { views: 0 }, { views: 1 }],
      ['Post:1', { views: 1 }, { views: 2 }],
    ]);
    expect(new Set((await summary()).map(row => row[3]))).toEqual(new Set(['system:Ann', 'system:Ben']));
    await expectWitnessed();
  });

  it('after a deadlock', async () => {
    const attempts = { count: 0 };
    const [meet, next] = [meeting(), manager()];
    const work = (own: () => EntityManager, first: number, second: number) =>
      retrying(attempts, () =>
        own().transactional(async em => {
          await em.findOneOrFail(Post, first, { lockMode: LockMode.PESSIMISTIC_WRITE });
          await add(em, first, 1);
          await meet();
          await add(em, second, 10);
        }),
      );
    await Promise.all([work(next, 1, 2), work(() => test.orm.em.fork(), 2, 1)]);
    expect([attempts.count, await views()]).toEqual([3, [11, 11]]);
    expect(await test.deltas()).toHaveLength(4);
    expect(await test.revisions()).toHaveLength(2);
    await expectWitnessed();
  });

  it('after a COMMIT that could not be serialized', async () => {
    const attempts = { count: 0 };
    const [meet, next] = [meeting(), manager()];
    const options = { isolationLevel: IsolationLevel.SERIALIZABLE };
    // each counts on what the other changes: together they would break what each of them checks
    const work = (own: () => EntityManager, id: number) =>
      retrying(attempts, () =>
        own().transactional(async em => {
          const posts = await em.find(Post, {}, { orderBy: { id: 1 } });
          const total = posts.reduce((sum, post) => sum + post.views, 0);
          await meet();
          if (total === 0) posts[id - 1]!.views = 1;
        }, options),
      );
    await Promise.all([work(next, 1), work(() => test.orm.em.fork(), 2)]);
    expect([attempts.count, (await views()).toSorted((a, b) => a - b)]).toEqual([3, [0, 1]]);
    expect((await summary()).map(row => row.slice(1, 3))).toEqual([[{ views: 0 }, { views: 1 }]]);
    expect(await test.revisions()).toHaveLength(1);
    await expectWitnessed();
  });

  it('after a failure of the statement that writes the history', async () => {
    // the database asks for another try, once, when the history is written
    await test.database.query('create sequence tries');
    await test.database.query(`create function try_again() returns trigger language plpgsql as $$ begin
      if nextval('tries') = 1 then raise sqlstate '40001' using message = 'try again'; end if; return new; end $$`);
    await test.database.query(
      'create trigger try_again before insert on revy_object_delta for each row execute function try_again()',
    );
    try {
      const attempts = { count: 0 };
      const next = manager();
      await retrying(attempts, () => next().transactional(em => add(em, 1, 1)));
      expect([attempts.count, await views()]).toEqual([2, [1, 0]]);
      expect(await summary()).toEqual([['Post:1', { views: 0 }, { views: 1 }, null]]);
    } finally {
      await test.database.query('drop function try_again cascade; drop sequence tries');
    }
    await expectWitnessed();
  });
});

it('with the same entity manager and no clear(): what is written is recorded, whatever the ORM believes', async () => {
  const twins = await createTwins();
  try {
    await twins.both(async ({ orm, lateHooks }) => {
      const seed = orm.em.fork();
      seed.create(Post, { title: 'one', slug: null, views: 0, meta: null, author: null });
      await seed.flush();
      await twins.forget();
      let commits = 0;
      lateHooks.beforeTransactionCommit = () => {
        if (++commits === 1) throw Object.assign(new Error('try again'), { code: '40001' });
      };
      const em = orm.em.fork();
      const attempts = { count: 0 };
      await retrying(attempts, () =>
        em.transactional(async inner => {
          inner.create(Post, { title: `new ${attempts.count}`, slug: null, views: 0, meta: null, author: null });
          await add(inner, 1, 1);
        }),
      );
      await em.flush();
      return attempts.count;
    });
    expect((await twins.tracked.deltas()).map(row => row.new!['title'] ?? row.new)).toContain('new 2');
  } finally {
    await twins.close();
  }
});

it('what the database asks to try again comes as the ORM says it, wherever the history was written', async () => {
  await test.database.query(`create function try_again() returns trigger language plpgsql as $$ begin
    raise sqlstate '40P01' using message = 'deadlock detected'; end $$`);
  await test.database.query(
    'create trigger try_again before insert on revy_object_delta for each row execute function try_again()',
  );
  const readOwn = async (em: EntityManager) => {
    await add(em, 1, 1);
    await new HistoryService(em).revisions();
  };
  try {
    const works = [
      () => add(test.orm.em.fork(), 1, 1),
      () => test.orm.em.fork().transactional(em => add(em, 1, 1)),
      () => test.orm.em.fork().transactional(readOwn),
    ];
    for (const work of works) {
      const error = await work().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(DeadlockException);
      expect(error).toMatchObject({ code: '40P01', message: expect.stringContaining('deadlock detected') });
    }
  } finally {
    await test.database.query('drop function try_again cascade');
  }
});
