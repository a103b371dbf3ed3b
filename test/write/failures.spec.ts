import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EntityManager } from '@mikro-orm/postgresql';
import {
  HistoryWriteError,
  NoTransactionError,
  OutsideContextError,
  RevisionContext,
  UnusableActorError,
} from '@revy/mikro-orm';
import { User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

describe('failures', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm();
  });
  afterAll(() => test.close());
  beforeEach(() => test.forget());

  const summary = async () => (await test.deltas()).map(row => [row.action, row.old, row.new]);
  const liveName = async (id: number) =>
    (await test.database.query<{ name: string }>('select name from "user" where id = $1', [id]))[0]?.name;

  async function seedUser(name = 'Ann', email: string | null = null): Promise<number> {
    const em = test.orm.em.fork();
    const user = em.create(User, { name, email });
    await RevisionContext.runDisabled(() => em.flush());
    return user.id;
  }

  async function rename(em: EntityManager, id: number, name: string): Promise<void> {
    (await em.findOneOrFail(User, id)).name = name;
    await em.flush();
  }

  const flushes: [string, (id: number) => Promise<unknown>][] = [
    ['a plain flush', id => rename(test.orm.em.fork(), id, 'lost')],
    ['em.transactional', id => test.orm.em.fork().transactional(em => rename(em, id, 'lost'))],
    [
      'begin and commit',
      async id => {
        const em = test.orm.em.fork();
        await em.begin();
        try {
          await rename(em, id, 'lost');
          await em.commit();
        } catch (error) {
          await em.rollback();
          throw error;
        }
      },
    ],
    [
      'a released savepoint',
      id => test.orm.em.fork().transactional(em => em.transactional(tx => rename(tx, id, 'lost'))),
    ],
  ];

  describe('C5: a history that cannot be written', () => {
    const allow = () => test.database.query('alter table revy_object_delta drop constraint if exists nope');
    beforeEach(() =>
      test.database.query(`alter table revy_object_delta add constraint nope check (action <> 'update')`),
    );
    afterEach(allow);

    it.each(flushes)('takes the changes of %s with it, and says why', async (_, flush) => {
      const id = await seedUser();
      const error = await flush(id).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(HistoryWriteError);
      expect(error).toMatchObject({
        code: 'REVY_HISTORY_WRITE',
        cause: { message: expect.stringContaining('violates check constraint "nope"') },
      });
      expect([await liveName(id), await summary(), await test.revisions()]).toEqual(['Ann', [], []]);
    });

    it('leaves the connections of the pool healthy', async () => {
      const ids = await Promise.all(Array.from({ length: 10 }, () => seedUser()));
      await Promise.all(ids.map(id => rename(test.orm.em.fork(), id, 'lost').catch(() => {})));
      await allow();
      for (let round = 0; round < 10; round++) {
        await Promise.all(ids.map(id => rename(test.orm.em.fork(), id, `round ${round}`)));
      }
      expect(await test.revisions()).toHaveLength(100);
      expect(await Promise.all(ids.map(liveName))).toEqual(ids.map(() => 'round 9'));
      const open = await test.database.query(
        `select state from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
      );
      expect(open).toEqual([]);
    });

    it('a fork goes on where the failed manager must not', async () => {
      const id = await seedUser();
      const em = test.orm.em.fork();
      await expect(rename(em, id, 'lost')).rejects.toThrow(HistoryWriteError);
      await allow();
      await rename(em.fork(), id, 'kept');
      expect(await summary()).toEqual([['update', { name: 'Ann' }, { name: 'kept' }]]);
    });
  });

  it('C5, P6: tables that are missing', async () => {
    const id = await seedUser();
    await test.database.query('alter table revy_revision rename to gone');
    for (const [, flush] of flushes) {
      await expect(flush(id)).rejects.toThrow(
        'Cannot record the history of this transaction, so its changes are rolled back with it: ' +
          'relation "revy_revision" does not exist. The entity manager believes that it has flushed: go on with a fresh fork. ' +
          'If a table is missing, run the schema generator or your migrations.',
      );
    }
    await test.database.query('alter table gone rename to revy_revision');
    expect([await liveName(id), await summary()]).toEqual(['Ann', []]);
    await rename(test.orm.em.fork(), id, 'kept');
    expect(await summary()).toEqual([['update', { name: 'Ann' }, { name: 'kept' }]]);
  });

  it('Q5: revision numbers that run out', async () => {
    const id = await seedUser();
    await test.database.query('alter sequence revy_revision_id_seq maxvalue 2');
    await rename(test.orm.em.fork(), id, '1');
    await rename(test.orm.em.fork(), id, '2');
    await expect(rename(test.orm.em.fork(), id, '3')).rejects.toThrow(HistoryWriteError);
    expect([await liveName(id), (await test.revisions()).length]).toEqual(['2', 2]);
    await test.database.query('alter sequence revy_revision_id_seq no maxvalue');
    await rename(test.orm.em.fork(), id, '3');
    expect(await liveName(id)).toBe('3');
  });

  it('a deferred constraint that fails at the COMMIT comes through as the error of the ORM', async () => {
    await test.database.query(
      'alter table "user" drop constraint user_email_unique, add constraint user_email_unique unique (email) deferrable initially deferred',
    );
    await seedUser('holder', 'taken');
    const id = await seedUser();
    const steal = async (em: EntityManager) => {
      Object.assign(await em.findOneOrFail(User, id), { name: 'lost', email: 'taken' });
      await em.flush();
    };
    const attempts = [() => steal(test.orm.em.fork()), () => test.orm.em.fork().transactional(steal)];
    for (const attempt of attempts) {
      const error = (await attempt().catch((reason: unknown) => reason)) as Error;
      expect(error).not.toBeInstanceOf(HistoryWriteError);
      expect(error.message).toContain('duplicate key value violates unique constraint "user_email_unique"');
      expect([await liveName(id), await summary(), await test.revisions()]).toEqual(['Ann', [], []]);
    }
    const bare = test.orm.em.fork();
    const untracked = await RevisionContext.runDisabled(() => steal(bare)).catch((reason: unknown) => reason);
    const tracked = await steal(test.orm.em.fork()).catch((reason: unknown) => reason);
    expect((tracked as Error).constructor.name).toBe((untracked as Error).constructor.name);
    await rename(test.orm.em.fork(), id, 'kept');
    expect(await summary()).toEqual([['update', { name: 'Ann' }, { name: 'kept' }]]);
  });

  it('a connection that dies between the flush and the COMMIT', async () => {
    // an ORM of its own, because MikroORM 7.2 never gets such a connection back and so cannot close its pool
    const own = await createOrm();
    const seeder = own.orm.em.fork();
    const { id } = seeder.create(User, { id: 1, name: 'Ann', email: null });
    await RevisionContext.runDisabled(() => seeder.flush());
    const dying = own.orm.em.fork().transactional(async em => {
      await rename(em, id, 'lost');
      const [{ pid }] = (await em.execute('select pg_backend_pid() as pid')) as [{ pid: number }];
      await own.database.query('select pg_terminate_backend($1)', [pid]);
    });
    const error = await dying.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(HistoryWriteError);
    expect(error).toMatchObject({ cause: { message: expect.stringContaining('connection') } });
    expect(await own.database.query('select name from "user"')).toEqual([{ name: 'Ann' }]);
    expect([await own.deltas(), await own.revisions()]).toEqual([[], []]);
    for (let round = 0; round < 5; round++) await rename(own.orm.em.fork(), id, `round ${round}`);
    expect(await own.revisions()).toHaveLength(5);
    await own.database.drop();
  });

  it('an actor that cannot be stored takes the changes with it', async () => {
    const id = await seedUser();
    for (const flush of flushes.map(([, each]) => each)) {
      const actor = { name: 'no entity' };
      await expect(RevisionContext.run({ actor }, () => flush(id))).rejects.toThrow(UnusableActorError);
    }
    expect([await liveName(id), await summary()]).toEqual(['Ann', []]);
    await rename(test.orm.em.fork(), id, 'kept');
    expect(await liveName(id)).toBe('kept');
  });

  it('C7: a frame ends with the transaction that failed in it', async () => {
    const id = await seedUser();
    const failing = RevisionContext.run({ revisionDescription: 'lost' }, () =>
      test.orm.em.fork().transactional(async em => {
        await rename(em, id, 'lost');
        throw new Error('undo');
      }),
    );
    await expect(failing).rejects.toThrow('undo');
    expect(RevisionContext.isActive).toBe(false);
    await rename(test.orm.em.fork(), id, 'kept');
    expect((await test.revisions()).map(row => row.description)).toEqual([null]);
  });

  it('C3: without transactions a flush of tracked changes is refused, and one of nothing is not', async () => {
    const em = test.orm.em.fork();
    test.orm.config.set('implicitTransactions', false);
    try {
      const id = await seedUser();
      await em.flush();
      const user = await em.findOneOrFail(User, id);
      user.name = 'lost';
      await expect(em.flush()).rejects.toThrow(NoTransactionError);
      const creator = em.fork();
      creator.create(User, { name: 'lost', email: null });
      await expect(creator.flush()).rejects.toThrow(NoTransactionError);
      const remover = em.fork();
      remover.remove(remover.getReference(User, id));
      await expect(remover.flush()).rejects.toThrow(NoTransactionError);
      expect([await liveName(id), await summary()]).toEqual(['Ann', []]);
      await em.fork().transactional(tx => rename(tx, id, 'kept'));
      expect(await summary()).toEqual([['update', { name: 'Ann' }, { name: 'kept' }]]);
    } finally {
      test.orm.config.set('implicitTransactions', true);
    }
  });
});

describe('outside every context', () => {
  it(`with 'ignore' nothing is recorded, and inside a context it is`, async () => {
    const test = await createOrm(undefined, { revy: { outsideContext: 'ignore' } });
    try {
      const em = test.orm.em.fork();
      const user = em.create(User, { name: 'Ann', email: null });
      await em.flush();
      user.name = 'A';
      await em.flush();
      expect([await test.deltas(), await test.revisions()]).toEqual([[], []]);
      user.name = 'B';
      await RevisionContext.run({}, () => em.flush());
      expect((await test.deltas()).map(row => [row.action, row.old, row.new])).toEqual([
        ['update', { name: 'A' }, { name: 'B' }],
      ]);
    } finally {
      await test.close();
    }
  });

  it(`with 'throw' tracked changes are refused, and nothing is written`, async () => {
    const test = await createOrm(undefined, { revy: { outsideContext: 'throw' } });
    try {
      const em = test.orm.em.fork();
      await em.flush();
      em.create(User, { name: 'Ann', email: null });
      await expect(em.flush()).rejects.toThrow(OutsideContextError);
      await expect(
        test.orm.em.fork().transactional(async tx => void tx.create(User, { name: 'Ann', email: null })),
      ).rejects.toThrow(OutsideContextError);
      expect([await test.deltas(), await test.database.query('select * from "user"')]).toEqual([[], []]);
      const next = test.orm.em.fork();
      next.create(User, { name: 'Ann', email: null });
      await RevisionContext.run({ actor: null }, () => next.flush());
      expect(await test.deltas()).toHaveLength(1);
      const disabled = test.orm.em.fork();
      disabled.create(User, { name: 'Ben', email: null });
      await RevisionContext.runDisabled(() => disabled.flush());
      expect(await test.deltas()).toHaveLength(1);
    } finally {
      await test.close();
    }
  });
});
