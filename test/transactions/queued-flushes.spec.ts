import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { OutsideContextError, RevisionContext, SystemActor } from '@revy/mikro-orm';
import { User } from '../support/blog.js';
import { byContent } from '../support/order.js';
import { createOrm } from '../support/orm.js';
import { createTwins, outcome, type Twin, type Twins } from './twins.js';

let twins: Twins;
beforeAll(async () => {
  twins = await createTwins();
});
afterAll(() => twins.close());
beforeEach(() => twins.empty());

const as = <Result>(name: string, fn: () => Result): Result =>
  RevisionContext.run({ actor: new SystemActor(name), revisionDescription: `by ${name}` }, fn);

/** Holds the first flush before its SQL until everything else has been started. */
function holdFirst({ hooks }: Twin): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isFirst = true;
  hooks.onFlush = async () => {
    if (!isFirst) return;
    isFirst = false;
    await promise;
  };
  return resolve;
}

async function users({ orm }: Twin, ...names: string[]): Promise<{ em: EntityManager; all: User[] }> {
  const em = orm.em.fork();
  const all = names.map(name => em.create(User, { name, email: null }));
  await RevisionContext.runDisabled(() => em.flush());
  return { em, all };
}

/** Waits until a statement of this ORM waits for a lock. */
async function untilWaiting({ orm }: Twin): Promise<void> {
  const waiting = `select 1 from pg_locks l join pg_database d on d.oid = l.database or l.database is null
    join pg_stat_activity a on a.pid = l.pid where not l.granted and a.datname = current_database()`;
  while ((await orm.em.fork().execute(waiting)).length === 0);
}

const ticks = async () => {
  for (let tick = 0; tick < 20; tick++) await Promise.resolve();
};

/** What was recorded, by revision: the actor and reason of each, and the name that it set. */
const summary = async () =>
  twins.tracked.database.query(
    `select r.description as why, coalesce(r.actor_id, '-') as by, coalesce(d.actor_id, '-') as delta,
       coalesce(d.new_values ->> 'name', d.action) as name
     from revy_object_delta d join revy_revision r on r.id = d.revision_id order by d.id`,
  );

describe('flushes of one entity manager that are started while it flushes', () => {
  it('are recorded each under its own frame, and each change is credited to the frame that made it', async () => {
    await twins.both(async twin => {
      const { em, all } = await users(twin, 'a', 'b', 'c');
      await twins.forget();
      const release = holdFirst(twin);
      const flush = (user: User, name: string) =>
        as(name, async () => {
          user.name = `${user.name} by ${name}`;
          await em.flush();
        });
      const first = flush(all[0]!, 'Ann');
      await ticks();
      const others = [flush(all[1]!, 'Ben'), flush(all[2]!, 'Cid')];
      await ticks();
      release();
      await Promise.all([first, ...others]);
    });
    // the first flush that waits writes everything that there is to write by then
    expect(await summary()).toEqual([
      { why: 'by Ann', by: 'Ann', delta: 'Ann', name: 'a by Ann' },
      { why: 'by Ben', by: 'Ben', delta: 'Ben', name: 'b by Ben' },
      { why: 'by Ben', by: 'Ben', delta: 'Cid', name: 'c by Cid' },
    ]);
  });

  it('what the first one still takes along is credited to whoever changed it, not to whoever flushes', async () => {
    await twins.both(async twin => {
      const { em, all } = await users(twin, 'a', 'b');
      await twins.forget();
      const flush = (user: User, name: string) =>
        as(name, async () => {
          user.name = `by ${name}`;
          await em.flush();
        });
      await Promise.all([flush(all[0]!, 'Ann'), flush(all[1]!, 'Ben')]);
    });
    expect(await summary()).toEqual([
      { why: 'by Ann', by: 'Ann', delta: 'Ann', name: 'by Ann' },
      { why: 'by Ann', by: 'Ann', delta: 'Ben', name: 'by Ben' },
    ]);
  });

  it('outside every frame, behind one that has a frame, and the other way around', async () => {
    for (const isFirstFramed of [true, false]) {
      await twins.empty();
      await twins.both(async twin => {
        const { em } = await users(twin);
        await twins.forget();
        const release = holdFirst(twin);
        const flush = async (name: string) => {
          em.create(User, { name, email: null });
          await em.flush();
        };
        const first = isFirstFramed ? as('Ann', () => flush('first')) : flush('first');
        await ticks();
        const second = isFirstFramed ? flush('second') : as('Ann', () => flush('second'));
        await ticks();
        release();
        await Promise.all([first, second]);
      });
      const [ann, nobody] = [
        { why: 'by Ann', by: 'Ann', delta: 'Ann' },
        { why: null, by: '-', delta: '-' },
      ];
      expect(await summary()).toEqual([
        { ...(isFirstFramed ? ann : nobody), name: 'first' },
        { ...(isFirstFramed ? nobody : ann), name: 'second' },
      ]);
    }
  });

  it('the hooks of each see its frame, and write in its name', async () => {
    const seen: unknown[] = [];
    await twins.both(async twin => {
      const { em } = await users(twin);
      await twins.forget();
      const release = holdFirst(twin);
      seen.length = 0;
      const look = (event: string) => () => void seen.push([event, RevisionContext.get('actor')]);
      twin.hooks.afterCreate = look('afterCreate');
      twin.hooks.beforeTransactionCommit = look('beforeTransactionCommit');
      twin.hooks.afterFlush = look('afterFlush');
      const flush = (name: string) =>
        as(name, async () => {
          em.create(User, { name, email: null });
          await em.flush();
        });
      const first = flush('Ann');
      await ticks();
      const second = flush('Ben');
      await ticks();
      release();
      await Promise.all([first, second]);
    });
    expect(seen).toEqual(
      ['Ann', 'Ben'].flatMap(name =>
        ['afterCreate', 'beforeTransactionCommit', 'afterFlush'].map(event => [event, new SystemActor(name)]),
      ),
    );
  });

  it('tracking that is disabled for one of them is disabled for that one', async () => {
    const { em } = await users(twins.twin);
    const flush = async (name: string) => {
      em.create(User, { name, email: null });
      await em.flush();
    };
    const { promise, resolve } = Promise.withResolvers<void>();
    const hold = { onFlush: () => promise };
    em.getEventManager().registerSubscriber(hold);
    const first = as('Ann', () => flush('first'));
    await ticks();
    const second = RevisionContext.runDisabled(() => flush('second'));
    await ticks();
    resolve();
    await Promise.all([first, second]);
    expect((await summary()).map(row => row['name'])).toEqual(['first']);
  });

  it('inside one transaction they are one revision, and each delta is of its own actor', async () => {
    await twins.both(async twin => {
      const { em, all } = await users(twin, 'a', 'b');
      await twins.forget();
      await as('outer', () =>
        em.transactional(async inner => {
          const release = holdFirst(twin);
          const flush = (user: User, name: string) =>
            as(name, async () => {
              Object.assign(user, { name: `by ${name}`, email: null });
              await inner.flush();
            });
          const first = flush(all[0]!, 'Ann');
          await ticks();
          const second = flush(all[1]!, 'Ben');
          await ticks();
          release();
          await Promise.all([first, second]);
        }),
      );
    });
    expect(await summary()).toEqual([
      { why: 'by outer', by: 'outer', delta: 'Ann', name: 'by Ann' },
      { why: 'by outer', by: 'outer', delta: 'Ben', name: 'by Ben' },
    ]);
  });

  it('a find that flushes first, while another flush runs', async () => {
    await twins.both(async twin => {
      const { em } = await users(twin);
      await twins.forget();
      const release = holdFirst(twin);
      const first = as('Ann', () => {
        em.create(User, { name: 'first', email: null });
        return em.flush();
      });
      await ticks();
      const second = as('Ben', async () => {
        em.create(User, { name: 'second', email: null });
        return (await em.find(User, { name: 'second' })).length;
      });
      await ticks();
      release();
      expect((await Promise.all([first, second]))[1]).toBe(1);
    });
    expect((await summary()).map(row => [row['by'], row['name']])).toEqual([
      ['Ann', 'first'],
      ['Ben', 'second'],
    ]);
  });

  it('six of them', async () => {
    const names = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'];
    await twins.both(async twin => {
      const { em } = await users(twin);
      await twins.forget();
      const flushes: Promise<void>[] = [];
      for (const name of names) {
        const flush = () => {
          em.create(User, { name, email: null });
          return em.flush();
        };
        flushes.push(as(name, flush));
        await ticks();
      }
      await Promise.all(flushes);
    });
    const rows = await summary();
    expect(rows.map(row => [row['delta'], row['name']]).toSorted(byContent)).toEqual(names.map(name => [name, name]));
  });
});

describe('what is assigned while the SQL of a flush runs', () => {
  it('is not recorded as written, as it is not: the row has what was sent', async () => {
    await twins.both(async twin => {
      const { em, all } = await users(twin, 'a');
      await twins.forget();
      const [user] = all;
      const blocker = twin.orm.em.fork();
      await blocker.begin();
      await blocker.findOneOrFail(User, user!.id, { lockMode: LockMode.PESSIMISTIC_WRITE });
      user!.name = 'sent';
      const flush = as('Ann', () => em.flush());
      await untilWaiting(twin);
      Object.assign(user!, { name: 'too late', email: 'too@late' });
      await blocker.rollback();
      await flush;
    });
    expect((await twins.tracked.deltas()).map(row => [row.old, row.new])).toEqual([[{ name: 'a' }, { name: 'sent' }]]);
  });
});

describe('what MikroORM does with flushes that meet stays as it is', () => {
  it('the order of hooks, and of who goes on when', async () => {
    const logs: string[][] = [];
    await twins.both(async twin => {
      const { em } = await users(twin);
      const log: string[] = [];
      logs.push(log);
      const { promise, resolve } = Promise.withResolvers<void>();
      let isFirst = true;
      for (const event of ['beforeFlush', 'onFlush', 'afterFlush', 'beforeTransactionCommit', 'afterCreate'] as const) {
        twin.hooks[event] = async () => {
          log.push(event);
          if (event === 'onFlush' && isFirst) await promise;
          isFirst = isFirst && event === 'beforeFlush';
        };
      }
      const flush = async (name: string) => {
        em.create(User, { name, email: null });
        await em.flush();
        log.push(`${name} is through`);
      };
      const all = [flush('a')];
      for (const name of ['b', 'c']) {
        await ticks();
        all.push(flush(name));
      }
      await ticks();
      resolve();
      await Promise.all(all);
      return log;
    });
    expect(logs[0]).toEqual(logs[1]);
    expect(logs[0]!.filter(entry => entry.endsWith('through'))).toHaveLength(3);
  });

  it('one that fails leaves the others alone, each with its own frame', async () => {
    const result = await twins.both(async twin => {
      const { em } = await users(twin);
      await twins.forget();
      const release = holdFirst(twin);
      const flush = (name: string, email: string | null) =>
        as(name, () => {
          em.create(User, { name, email });
          return em.flush();
        });
      const first = flush('first', 'taken');
      await ticks();
      const second = outcome(() => flush('second', 'taken'));
      await ticks();
      release();
      await first;
      const failed = await second;
      const fork = em.fork();
      await as('third', async () => {
        fork.create(User, { name: 'third', email: null });
        await fork.flush();
      });
      return failed;
    });
    expect(result).toMatchObject({ value: { code: '23505' } });
    expect((await summary()).map(row => [row['by'], row['name']])).toEqual([
      ['first', 'first'],
      ['third', 'third'],
    ]);
  });

  it('where the first one fails, MikroORM leaves the next one waiting for the flush after it', async () => {
    await twins.both(async twin => {
      const { em } = await users(twin, 'holder');
      await twins.forget();
      let isHeld = true;
      const { promise, resolve } = Promise.withResolvers<void>();
      twin.hooks.onFlush = async () => {
        if (!isHeld) return;
        isHeld = false;
        await promise;
        throw new Error('refused by a hook');
      };
      const log: string[] = [];
      const flush = (name: string) =>
        as(name, async () => {
          em.create(User, { name, email: null });
          await em.flush();
          log.push(name);
        });
      const first = outcome(() => flush('first'));
      await ticks();
      const second = flush('second');
      await ticks();
      resolve();
      await first;
      await ticks();
      log.push('first has failed');
      const third = flush('third');
      await Promise.all([second, third]);
      return log;
    });
    expect((await summary()).map(row => row['name'])).toEqual(['third']);
  });

  it('a flush inside a flush is refused, and the flushes that wait keep their frames', async () => {
    const result = await twins.both(async twin => {
      const { em } = await users(twin);
      await twins.forget();
      const { promise, resolve } = Promise.withResolvers<void>();
      let refused: unknown;
      let isFirst = true;
      twin.hooks.onFlush = async () => {
        if (!isFirst) return;
        isFirst = false;
        // nobody waits for this one
        const inner = RevisionContext.run({ actor: new SystemActor('hook') }, () => outcome(() => em.flush()));
        await promise;
        refused = await inner;
      };
      const flush = (name: string) =>
        as(name, () => {
          em.create(User, { name, email: null });
          return em.flush();
        });
      const all = [flush('first')];
      await ticks();
      all.push(flush('second'));
      await ticks();
      resolve();
      await Promise.all(all);
      return refused;
    });
    expect(result).toMatchObject({ value: { error: expect.stringContaining('flush') } });
    expect((await summary()).map(row => [row['by'], row['name']])).toEqual([
      ['first', 'first'],
      ['second', 'second'],
    ]);
  });

  it('a hook that clears the entity manager may flush it', async () => {
    const result = await twins.both(async twin => {
      const { em } = await users(twin);
      await twins.forget();
      let isFirst = true;
      twin.hooks.afterCreate = async () => {
        if (!isFirst) return;
        isFirst = false;
        em.clear();
        em.create(User, { name: 'by the hook', email: null });
        await em.flush();
      };
      return outcome(() =>
        as('outer', () => {
          em.create(User, { name: 'outer', email: null });
          return em.flush();
        }),
      );
    });
    expect(result).toEqual({ value: { value: undefined } });
    expect((await summary()).map(row => row['name']).toSorted(byContent)).toEqual(['by the hook', 'outer']);
  });

  it('an entity manager of another flush may flush in a hook', async () => {
    await twins.both(async twin => {
      const { em } = await users(twin);
      await twins.forget();
      let isFirst = true;
      twin.hooks.afterCreate = async () => {
        if (!isFirst) return;
        isFirst = false;
        const other = em.fork();
        other.create(User, { name: 'by the hook', email: null });
        await other.flush();
      };
      await as('outer', () => {
        em.create(User, { name: 'outer', email: null });
        return em.flush();
      });
    });
    expect((await summary()).map(row => [row['by'], row['name']]).toSorted(byContent)).toEqual([
      ['outer', 'by the hook'],
      ['outer', 'outer'],
    ]);
  });

  it('with outsideContext: throw, a flush that waits outside every frame is refused, and no other', async () => {
    const strict = await createOrm(undefined, { revy: { outsideContext: 'throw' } });
    try {
      const em = strict.orm.em.fork();
      const flush = (name: string) => {
        em.create(User, { name, email: null });
        return em.flush();
      };
      const { promise, resolve } = Promise.withResolvers<void>();
      em.getEventManager().registerSubscriber({ onFlush: () => promise });
      const first = as('Ann', () => flush('first'));
      await ticks();
      const second = flush('second').catch((error: unknown) => error);
      await ticks();
      resolve();
      await first;
      expect(await second).toBeInstanceOf(OutsideContextError);
      expect((await strict.deltas()).map(row => row.new!['name'])).toEqual(['first']);
    } finally {
      await strict.close();
    }
  });
});
