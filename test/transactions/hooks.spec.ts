import type { EntityManager } from '@mikro-orm/postgresql';
import { InterruptedWriteError } from '@revy/mikro-orm';
import { Comment, Post, Tag, User } from '../support/blog.js';
import { createTwins, type Hooks, outcome, type Twin, type Twins } from './twins.js';

let twins: Twins;
beforeAll(async () => {
  twins = await createTwins();
});
afterAll(() => twins.close());
beforeEach(() => twins.empty());

const FLUSH = ['beforeFlush', 'onFlush', 'afterFlush'] as const;
const ENTITY = ['beforeCreate', 'afterCreate', 'beforeUpdate', 'afterUpdate', 'beforeDelete', 'afterDelete'] as const;
const EVERY = [...FLUSH, ...ENTITY, 'beforeTransactionCommit'] as const;

async function seed({ orm }: Twin): Promise<void> {
  const em = orm.em.fork();
  for (const name of ['changed', 'changed too', 'removed', 'removed too', 'kept'])
    em.create(User, { name, email: null });
  const post = em.create(Post, { title: 'post', slug: null, views: 0, meta: null, author: null });
  post.tags.add(em.create(Tag, { name: 'old' }));
  em.create(Comment, { text: 'goes with the post', post });
  await em.flush();
  await twins.forget();
}

/** Loads what is there, and gives back what changes it: two of each kind, so that a hook can fail between them. */
async function load(em: EntityManager): Promise<() => void> {
  const users = new Map((await em.find(User, {})).map(user => [user.name, user]));
  const post = await em.findOne(Post, { title: 'post' }, { populate: ['tags'] });
  return () => {
    for (const name of ['changed', 'changed too']) if (users.has(name)) users.get(name)!.name += '!';
    for (const name of ['removed', 'removed too']) if (users.has(name)) em.remove(users.get(name)!);
    for (const name of ['created', 'created too']) em.create(User, { name, email: null });
    post?.tags.set([em.create(Tag, { name: 'new' })]);
  };
}

async function changeAndFlush(em: EntityManager): Promise<void> {
  (await load(em))();
  await em.flush();
}

/** Lets a hook fail, the first or a later time that it is called. */
function failAt(hooks: Hooks, event: string, nth = 1): void {
  let calls = 0;
  hooks[event] = async () => {
    if (++calls === nth) throw new Error(`refused by ${event}`);
  };
}

type Work = (em: EntityManager) => Promise<void>;
type Way = readonly [
  name: string,
  place: 'hooks' | 'lateHooks',
  run: (em: EntityManager, work: Work) => Promise<unknown>,
];

const flush: Way[2] = async (em, work) => work(em).then(() => em.flush());
const transactional: Way[2] = async (em, work) => em.transactional(work);

const byHand: Way[2] = async (em, work) => {
  await em.begin();
  try {
    await work(em);
    await em.commit();
  } catch (error) {
    await em.rollback();
    throw error;
  }
};

const inSavepoint: Way[2] = async (em, work) =>
  em.transactional(async outer => {
    (await outer.findOneOrFail(User, { name: 'kept' })).name = 'kept!';
    await outer.flush();
    const failed = await outcome(() => outer.transactional(work, { clear: true }));
    outer.clear();
    outer.create(User, { name: 'after the savepoint', email: null });
    return failed;
  });

const ways: readonly Way[] = [
  ['a flush', 'hooks', flush],
  ['a flush, after the hooks of Revy', 'lateHooks', flush],
  ['em.transactional()', 'hooks', transactional],
  ['em.transactional(), after the hooks of Revy', 'lateHooks', transactional],
  ['begin and commit', 'hooks', byHand],
  ['a savepoint, whose failure is caught', 'hooks', inSavepoint],
];

describe('a hook that throws', () => {
  describe.each(ways)('in %s', (_, place, way) => {
    it.each(EVERY)('%s: what is rolled back is not recorded, and the next flush is right', async event => {
      const result = await twins.both(async twin => {
        const { [place]: hooks, orm } = twin;
        await seed(twin);
        const em = orm.em.fork();
        const first = await outcome(() =>
          way(em, async inner => {
            const change = await load(inner);
            failAt(hooks, event);
            change();
          }),
        );
        delete hooks[event];
        await changeAndFlush(orm.em.fork());
        return first;
      });
      expect(JSON.stringify(result)).toContain(`refused by ${event}`);
    });

    it.each(ENTITY)('%s, the second time: half of a group has been announced by then', async event => {
      const result = await twins.both(async twin => {
        const { [place]: hooks, orm } = twin;
        await seed(twin);
        const em = orm.em.fork();
        const first = await outcome(() =>
          way(em, async inner => {
            const change = await load(inner);
            failAt(hooks, event, 2);
            change();
          }),
        );
        delete hooks[event];
        await changeAndFlush(orm.em.fork());
        return first;
      });
      expect(JSON.stringify(result)).toContain(`refused by ${event}`);
    });
  });

  // not afterTransactionStart: MikroORM 7.2 would never give the connection back
  it('beforeTransactionStart, of the transaction of a flush', async () => {
    const result = await twins.both(async twin => {
      await seed(twin);
      failAt(twin.hooks, 'beforeTransactionStart');
      const em = twin.orm.em.fork();
      (await load(em))();
      const failed = await outcome(() => em.flush());
      await changeAndFlush(em.fork());
      return failed;
    });
    expect(result).toMatchObject({ value: { error: 'Error: refused by beforeTransactionStart' } });
  });

  it.each(['afterFlush', 'afterTransactionCommit'])('%s, once all is committed: it is recorded', async event => {
    const result = await twins.both(async twin => {
      await seed(twin);
      const em = twin.orm.em.fork();
      const change = await load(em);
      failAt(twin.hooks, event);
      change();
      return outcome(() => em.flush());
    });
    expect(result).toMatchObject({ value: { error: `Error: refused by ${event}` } });
    expect((await twins.tracked.deltas()).length).toBeGreaterThan(5);
  });

  it('the same entity manager goes on after a hook that failed', async () => {
    for (const event of EVERY) {
      await twins.empty();
      const result = await twins.both(async twin => {
        await seed(twin);
        const em = twin.orm.em.fork();
        const change = await load(em);
        failAt(twin.hooks, event);
        change();
        const failed = await outcome(() => em.flush());
        delete twin.hooks[event];
        em.create(User, { name: 'next', email: null });
        // MikroORM believes that the first flush has written what it had come to
        return [failed, await outcome(() => em.flush())];
      });
      expect(result).toMatchObject({ value: [{ error: `Error: refused by ${event}` }, {}] });
    }
  });
});

describe('a flush that fails in a transaction, which is committed all the same', () => {
  /** The transaction goes on after the failure, with another change. */
  const goOn = async ({ orm, ...twin }: Twin, event: string, nth?: number, place: 'hooks' | 'lateHooks' = 'hooks') =>
    orm.em.fork().transactional(async em => {
      const change = await load(em);
      failAt(twin[place], event, nth);
      change();
      await expect(em.flush()).rejects.toThrow(`refused by ${event}`);
      delete twin[place][event];
      em.clear();
      em.create(User, { name: 'goes on', email: null });
    });

  it.each(['beforeFlush', 'onFlush', 'beforeCreate'])('%s: nothing was written, and the rest is', async event => {
    await twins.both(async twin => {
      await seed(twin);
      await goOn(twin, event);
    });
    expect((await twins.tracked.deltas()).map(row => row.new)).toEqual([{ name: 'goes on', email: null }]);
  });

  it.each(['hooks', 'lateHooks'] as const)('afterFlush: all was written, and is recorded (%s)', async place => {
    await twins.both(async twin => {
      await seed(twin);
      await goOn(twin, 'afterFlush', 1, place);
    });
    const names = (await twins.tracked.deltas()).map(row => row.new?.['name'] ?? row.action);
    expect(names).toEqual(expect.arrayContaining(['created', 'created too', 'changed!', 'delete', 'goes on']));
  });

  it.each([
    ['beforeCreate', 3],
    ['afterCreate', 1],
    ['afterCreate', 2],
    ['beforeUpdate', 1],
    ['afterUpdate', 1],
    ['beforeDelete', 1],
    ['afterDelete', 1],
    ['afterDelete', 2],
    ['afterDelete', 2, 'lateHooks'],
  ] as const)(
    '%s, call %s: a part was written, so the COMMIT is refused',
    async (event, nth, place: 'hooks' | 'lateHooks' = 'hooks') => {
      const { orm, database } = twins.tracked;
      await seed(twins.twin);
      const before = await database.query('select * from "user" order by id');
      await expect(goOn(twins.twin, event, nth, place)).rejects.toThrow(InterruptedWriteError);
      expect(await database.query('select * from "user" order by id')).toEqual(before);
      expect([await twins.tracked.deltas(), await twins.tracked.revisions()]).toEqual([[], []]);
      await changeAndFlush(orm.em.fork());
      expect((await twins.tracked.deltas()).length).toBeGreaterThan(5);
    },
  );
});
