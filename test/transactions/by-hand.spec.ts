import { IsolationLevel } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { User } from '../support/blog.js';
import { createTwins, outcome, type Twin, type Twins } from './twins.js';

let twins: Twins;
beforeAll(async () => {
  // one connection, so that whatever a transaction leaves behind on it is found by the next one
  twins = await createTwins({ config: { pool: { min: 1, max: 1 } } });
});
afterAll(() => twins.close());
beforeEach(() => twins.empty());

async function seed({ orm }: Twin, ...names: string[]): Promise<EntityManager> {
  const em = orm.em.fork();
  for (const name of names) em.create(User, { name, email: null });
  await em.flush();
  em.clear();
  await twins.forget();
  return em;
}

const find = (em: EntityManager, name: string) => em.findOneOrFail(User, { name });
const summary = async () => (await twins.tracked.deltas()).map(row => [row.revision, row.action, row.old, row.new]);

// all that PostgreSQL has
const LEVELS = [
  IsolationLevel.READ_UNCOMMITTED,
  IsolationLevel.READ_COMMITTED,
  IsolationLevel.REPEATABLE_READ,
  IsolationLevel.SERIALIZABLE,
];

/** Hooks before and after those of Revy. */
const PLACES = ['hooks', 'lateHooks'] as const;

describe('begin, commit and rollback by hand', () => {
  it('several flushes, and changes that only the COMMIT flushes', async () => {
    await twins.both(async twin => {
      const em = await seed(twin, 'a', 'b', 'c');
      await em.begin();
      (await find(em, 'a')).name = 'a1';
      await em.flush();
      (await find(em, 'a1')).name = 'a2';
      em.remove(await find(em, 'b'));
      await em.flush();
      em.create(User, { name: 'd', email: null });
      await em.commit();
    });
    expect(await summary()).toEqual([
      [1, 'update', { name: 'a' }, { name: 'a2' }],
      [1, 'delete', { name: 'b', email: null }, null],
      [1, 'create', null, { name: 'd', email: null }],
    ]);
  });

  it('transaction after transaction on one entity manager, every other one rolled back', async () => {
    await twins.both(async twin => {
      const em = await seed(twin, 'a');
      for (let turn = 0; turn < 6; turn++) {
        await em.begin();
        em.create(User, { name: `turn ${turn}`, email: null });
        (await em.findOneOrFail(User, 1)).name = `a${turn}`;
        await em.flush();
        if (turn % 2) await em.commit();
        else await em.rollback();
        em.clear();
      }
    });
    expect(await summary()).toEqual([
      [1, 'create', null, { name: 'turn 1', email: null }],
      [1, 'update', { name: 'a' }, { name: 'a1' }],
      [2, 'create', null, { name: 'turn 3', email: null }],
      [2, 'update', { name: 'a1' }, { name: 'a3' }],
      [3, 'create', null, { name: 'turn 5', email: null }],
      [3, 'update', { name: 'a3' }, { name: 'a5' }],
    ]);
  });

  it('a rollback before anything was flushed: the next flush records what is still to be written', async () => {
    await twins.both(async twin => {
      const em = await seed(twin, 'a');
      await em.begin();
      (await find(em, 'a')).name = 'a1';
      await em.rollback();
      await em.flush();
    });
    expect(await summary()).toEqual([[1, 'update', { name: 'a' }, { name: 'a1' }]]);
  });

  it.each(PLACES)('a COMMIT that a hook refuses, and that is tried again: recorded once (%s)', async place => {
    await twins.both(async twin => {
      const em = await seed(twin, 'a');
      let calls = 0;
      twin[place].beforeTransactionCommit = () => {
        if (++calls < 3) throw new Error('not yet');
      };
      await em.begin();
      (await find(em, 'a')).name = 'a1';
      const first = await outcome(() => em.commit());
      const second = await outcome(() => em.commit());
      await em.commit();
      delete twin[place].beforeTransactionCommit;
      await em.fork().transactional(inner => inner.find(User, {}));
      for (const name of ['b', 'c']) {
        em.create(User, { name, email: null });
        await em.flush();
      }
      return [first, second];
    });
    expect(await summary()).toEqual([
      [1, 'update', { name: 'a' }, { name: 'a1' }],
      [2, 'create', null, { name: 'b', email: null }],
      [3, 'create', null, { name: 'c', email: null }],
    ]);
  });

  it.each(PLACES)(
    'a COMMIT that a hook refuses, and that is rolled back: nothing of it is in the next transaction (%s)',
    async place => {
      await twins.both(async twin => {
        const em = await seed(twin, 'a');
        twin[place].beforeTransactionCommit = () => {
          throw new Error('no');
        };
        await em.begin();
        (await find(em, 'a')).name = 'a1';
        const refused = await outcome(() => em.commit());
        await em.rollback();
        delete twin[place].beforeTransactionCommit;
        em.clear();
        em.create(User, { name: 'b', email: null });
        await em.flush();
        return refused;
      });
      expect(await summary()).toEqual([[1, 'create', null, { name: 'b', email: null }]]);
    },
  );

  it.each(PLACES)('a COMMIT that is refused between two more flushes (%s)', async place => {
    await twins.both(async twin => {
      const em = await seed(twin, 'a');
      await em.begin();
      (await find(em, 'a')).name = 'a1';
      twin[place].beforeTransactionCommit = () => {
        throw new Error('no');
      };
      const refused = await outcome(() => em.commit());
      delete twin[place].beforeTransactionCommit;
      (await find(em, 'a1')).name = 'a2';
      em.create(User, { name: 'b', email: null });
      await em.flush();
      await em.commit();
      return refused;
    });
    expect(await summary()).toEqual([
      [1, 'update', { name: 'a' }, { name: 'a2' }],
      [1, 'create', null, { name: 'b', email: null }],
    ]);
  });

  it.each(LEVELS)('isolation level %s, by hand and by em.transactional()', async isolationLevel => {
    await twins.both(async twin => {
      const em = await seed(twin, 'a');
      await em.begin({ isolationLevel });
      (await find(em, 'a')).name = 'a1';
      await em.commit();
      await em.fork().transactional(
        async inner => {
          (await find(inner, 'a1')).name = 'a2';
          await inner.flush();
          inner.create(User, { name: 'b', email: null });
        },
        { isolationLevel },
      );
    });
    expect(await summary()).toEqual([
      [1, 'update', { name: 'a' }, { name: 'a1' }],
      [2, 'update', { name: 'a1' }, { name: 'a2' }],
      [2, 'create', null, { name: 'b', email: null }],
    ]);
  });

  it('A8: a read-only transaction reads, and what it would write fails as it does untracked', async () => {
    const result = await twins.both(async twin => {
      const em = await seed(twin, 'a');
      const read = await em.transactional(inner => inner.find(User, {}), { readOnly: true });
      const write = await outcome(() =>
        em.fork().transactional(
          async inner => {
            (await find(inner, 'a')).name = 'a1';
          },
          { readOnly: true },
        ),
      );
      await em.begin({ readOnly: true });
      (await find(em, 'a')).name = 'a1';
      const byHand = await outcome(() => em.commit());
      await em.rollback();
      return [read.length, write, byHand];
    });
    expect(result).toMatchObject({ value: [1, { code: '25006' }, { code: '25006' }] });
    expect([await summary(), await twins.tracked.revisions()]).toEqual([[], []]);
  });

  it('a transaction that was aborted, and is committed all the same, is rolled back by the server', async () => {
    await twins.both(async twin => {
      const em = await seed(twin, 'a');
      await em.begin();
      const failed = await outcome(() => em.execute('select 1 / 0'));
      await em.commit();
      em.create(User, { name: 'b', email: null });
      await em.flush();
      return failed;
    });
    expect(await summary()).toEqual([[1, 'create', null, { name: 'b', email: null }]]);
  });
});
