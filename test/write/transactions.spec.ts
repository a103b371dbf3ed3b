import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type EventSubscriber, type FlushEventArgs, IsolationLevel, TransactionPropagation } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { HistoryService, RevisionContext, SnapshotService, SystemActor } from '@revy/mikro-orm';
import { Post, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

describe('transactions', () => {
  let test: TestOrm;
  let onAfterFlush: ((args: FlushEventArgs) => Promise<void> | void) | undefined;
  const application: EventSubscriber = { afterFlush: args => onAfterFlush?.(args) };
  beforeAll(async () => {
    test = await createOrm(undefined, { config: { subscribers: [application] } });
  });
  afterAll(() => test.close());
  beforeEach(async () => {
    onAfterFlush = undefined;
    await test.forget();
  });

  const summary = async () => (await test.deltas()).map(row => [row.revision, row.action, row.old, row.new]);
  const liveName = async (id: number) =>
    (await test.database.query<{ name: string }>('select name from "user" where id = $1', [id]))[0]?.name;

  async function seedUser(name = 'Ann'): Promise<number> {
    const em = test.orm.em.fork();
    const user = em.create(User, { name, email: null });
    await RevisionContext.runDisabled(() => em.flush());
    return user.id;
  }

  async function rename(em: EntityManager, id: number, name: string): Promise<void> {
    (await em.findOneOrFail(User, id)).name = name;
    await em.flush();
  }

  it('begin and commit: several flushes, one revision', async () => {
    const id = await seedUser();
    const em = test.orm.em.fork();
    await em.begin();
    await rename(em, id, 'A');
    em.create(User, { name: 'new', email: null });
    await em.flush();
    (await em.findOneOrFail(User, id)).name = 'B';
    expect(await test.deltas()).toEqual([]);
    await em.commit();
    expect(await summary()).toEqual([
      [1, 'update', { name: 'Ann' }, { name: 'B' }],
      [1, 'create', null, { name: 'new', email: null }],
    ]);
  });

  it('C1: begin and rollback leaves nothing; the next commit records its own work only', async () => {
    const id = await seedUser();
    const em = test.orm.em.fork();
    await em.begin();
    await rename(em, id, 'A');
    em.create(User, { name: 'lost', email: null });
    await em.rollback();
    expect([await summary(), await test.revisions()]).toEqual([[], []]);
    em.clear();
    await rename(em, id, 'B');
    expect(await summary()).toEqual([[1, 'update', { name: 'Ann' }, { name: 'B' }]]);
  });

  it('C1: a transaction that throws, flushed and unflushed', async () => {
    const id = await seedUser();
    const em = test.orm.em.fork();
    for (const isFlushed of [true, false]) {
      const failing = em.transactional(async tx => {
        (await tx.findOneOrFail(User, id)).name = 'lost';
        if (isFlushed) await tx.flush();
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
      em.clear();
    }
    expect([await summary(), await liveName(id)]).toEqual([[], 'Ann']);
    await em.transactional(tx => rename(tx, id, 'B'));
    expect(await summary()).toEqual([[1, 'update', { name: 'Ann' }, { name: 'B' }]]);
  });

  it('C2: a savepoint that is rolled back leaves no history; what came before and after does', async () => {
    const [kept, lost] = [await seedUser('kept'), await seedUser('lost')];
    await test.orm.em.fork().transactional(async em => {
      await rename(em, kept, 'kept 1');
      await em
        .transactional(
          async inner => {
            await rename(inner, lost, 'lost 1');
            inner.create(User, { name: 'never', email: null });
            await inner.flush();
            throw new Error('undo');
          },
          { clear: true },
        )
        .catch(() => {});
      em.clear();
      await rename(em, kept, 'kept 2');
    });
    expect(await summary()).toEqual([[1, 'update', { name: 'kept' }, { name: 'kept 2' }]]);
    expect([await liveName(kept), await liveName(lost)]).toEqual(['kept 2', 'lost']);
  });

  it('C2: the same object before, in and after a savepoint that is rolled back', async () => {
    const id = await seedUser('0');
    await test.orm.em.fork().transactional(async em => {
      await rename(em, id, '1');
      await em
        .transactional(
          async inner => {
            await rename(inner, id, '2');
            throw new Error('undo');
          },
          { clear: true },
        )
        .catch(() => {});
      em.clear();
      expect((await em.findOneOrFail(User, id)).name).toBe('1');
      await rename(em, id, '3');
    });
    expect(await summary()).toEqual([[1, 'update', { name: '0' }, { name: '3' }]]);
  });

  it('C2: several levels, some rolled back', async () => {
    const ids = [await seedUser('a'), await seedUser('b'), await seedUser('c'), await seedUser('d')] as const;
    const nested = (em: EntityManager, id: number, fn: (tx: EntityManager) => Promise<void>) =>
      em.transactional(
        async tx => {
          await rename(tx, id, `user ${id}`);
          await fn(tx);
        },
        { clear: true },
      );
    await test.orm.em.fork().transactional(em =>
      nested(em, ids[0], async level1 => {
        await nested(level1, ids[1], async level2 => {
          await nested(level2, ids[2], async () => {
            throw new Error('undo level 3');
          }).catch(() => {});
        });
        await nested(level1, ids[3], async () => {
          throw new Error('undo level 2');
        }).catch(() => {});
      }),
    );
    expect((await test.deltas()).map(row => [row.revision, row.object, row.new])).toEqual([
      [1, `User:${ids[0]}`, { name: `user ${ids[0]}` }],
      [1, `User:${ids[1]}`, { name: `user ${ids[1]}` }],
    ]);
    expect(await Promise.all(ids.map(liveName))).toEqual([`user ${ids[0]}`, `user ${ids[1]}`, 'c', 'd']);
  });

  it('a savepoint released into a transaction that is rolled back leaves nothing', async () => {
    const id = await seedUser();
    const outer = test.orm.em.fork().transactional(async em => {
      await em.transactional(tx => rename(tx, id, 'A'));
      throw new Error('undo');
    });
    await expect(outer).rejects.toThrow('undo');
    expect([await summary(), await test.revisions()]).toEqual([[], []]);
  });

  it.each([
    [
      TransactionPropagation.REQUIRED,
      [
        ['User', 'outer'],
        ['User', 'inner'],
      ],
      1,
    ],
    [
      TransactionPropagation.NESTED,
      [
        ['User', 'outer'],
        ['User', 'inner'],
      ],
      1,
    ],
    [
      TransactionPropagation.SUPPORTS,
      [
        ['User', 'outer'],
        ['User', 'inner'],
      ],
      1,
    ],
    [
      TransactionPropagation.MANDATORY,
      [
        ['User', 'outer'],
        ['User', 'inner'],
      ],
      1,
    ],
    [
      TransactionPropagation.REQUIRES_NEW,
      [
        ['User', 'inner'],
        ['User', 'outer'],
      ],
      2,
    ],
    [
      TransactionPropagation.NOT_SUPPORTED,
      [
        ['User', 'inner'],
        ['User', 'outer'],
      ],
      2,
    ],
  ] as const)('propagation %s', async (propagation, expected, revisions) => {
    const [outer, inner] = [await seedUser(), await seedUser()];
    await test.orm.em.fork().transactional(async em => {
      await rename(em, outer, 'outer');
      await em.transactional(tx => rename(tx, inner, 'inner'), { propagation });
    });
    expect((await test.deltas()).map(row => [row.object.split(':')[0], row.new!['name']])).toEqual(expected);
    expect(await test.revisions()).toHaveLength(revisions);
    expect([await liveName(outer), await liveName(inner)]).toEqual(['outer', 'inner']);
  });

  it('REQUIRES_NEW outlives the rollback of what is around it', async () => {
    const [outer, inner] = [await seedUser(), await seedUser()];
    const failing = test.orm.em.fork().transactional(async em => {
      await rename(em, outer, 'outer');
      await em.transactional(tx => rename(tx, inner, 'inner'), { propagation: TransactionPropagation.REQUIRES_NEW });
      throw new Error('undo');
    });
    await expect(failing).rejects.toThrow('undo');
    expect((await test.deltas()).map(row => [row.object, row.new])).toEqual([[`User:${inner}`, { name: 'inner' }]]);
  });

  it.each([IsolationLevel.SERIALIZABLE, IsolationLevel.REPEATABLE_READ])('isolation %s', async isolationLevel => {
    const id = await seedUser();
    await test.orm.em.fork().transactional(em => rename(em, id, 'A'), { isolationLevel });
    expect(await summary()).toEqual([[1, 'update', { name: 'Ann' }, { name: 'A' }]]);
  });

  it('A8: a read-only transaction goes through', async () => {
    const id = await seedUser();
    await test.orm.em.fork().transactional(
      async em => {
        expect((await em.findOneOrFail(User, id)).name).toBe('Ann');
      },
      { readOnly: true },
    );
    expect(await test.revisions()).toEqual([]);
  });

  it('SQL of the same transaction after the flush is in the transaction, and out of the history', async () => {
    const id = await seedUser();
    await test.orm.em.fork().transactional(async em => {
      await rename(em, id, 'A');
      await em
        .getConnection()
        .execute('update "user" set email = ? where id = ?', ['sql', id], 'run', em.getTransactionContext());
    });
    expect(await summary()).toEqual([[1, 'update', { name: 'Ann' }, { name: 'A' }]]);
    expect((await test.database.query('select email from "user" where id = $1', [id]))[0]).toEqual({ email: 'sql' });
  });

  it('a hook after the flush that throws takes everything with it, inside a transaction', async () => {
    const id = await seedUser();
    onAfterFlush = ({ em }) => {
      if (em.isInTransaction()) throw new Error('hook');
    };
    await expect(test.orm.em.fork().transactional(em => rename(em, id, 'A'))).rejects.toThrow('hook');
    expect([await summary(), await liveName(id)]).toEqual([[], 'Ann']);
    onAfterFlush = undefined;
    await rename(test.orm.em.fork(), id, 'B');
    expect(await summary()).toEqual([[1, 'update', { name: 'Ann' }, { name: 'B' }]]);
  });

  it('a flush that fails leaves nothing, and a fresh fork goes on', async () => {
    const id = await seedUser();
    const holder = test.orm.em.fork();
    holder.create(User, { name: 'holder', email: 'taken' });
    await holder.flush();
    await test.forget();
    const em = test.orm.em.fork();
    const user = await em.findOneOrFail(User, id);
    Object.assign(user, { name: 'A', email: 'taken' });
    await expect(em.flush()).rejects.toThrow('duplicate key');
    expect([await summary(), await test.revisions(), await liveName(id)]).toEqual([[], [], 'Ann']);
    await rename(em.fork(), id, 'B');
    expect(await summary()).toEqual([[1, 'update', { name: 'Ann' }, { name: 'B' }]]);
  });

  it('C6: the same manager after a failed flush: what it then writes is recorded as a change of the true old value', async () => {
    const id = await seedUser();
    const holder = test.orm.em.fork();
    holder.create(User, { name: 'holder', email: 'taken too' });
    await holder.flush();
    await test.forget();
    const em = test.orm.em.fork();
    const user = await em.findOneOrFail(User, id);
    Object.assign(user, { name: 'A', email: 'taken too' });
    await expect(em.flush()).rejects.toThrow('duplicate key');
    user.email = null;
    await em.flush();
    expect(await summary()).toEqual([[1, 'update', { name: 'Ann' }, { name: 'A' }]]);
    expect(await liveName(id)).toBe('A');
  });

  it.each(['before', 'after'])(
    'what another subscriber, registered %s Revy, flushes right before the COMMIT is recorded',
    async place => {
      const id = await seedUser();
      let isOn = true;
      const late: EventSubscriber = {
        async beforeTransactionCommit({ em }) {
          if (!isOn) return;
          isOn = false;
          const user = await em.findOneOrFail(User, id);
          user.email = `late ${place}`;
          await em.flush();
        },
      };
      const em = test.orm.em.fork({ freshEventManager: true });
      const events = em.getEventManager();
      if (place === 'after') events.registerSubscriber(late);
      else {
        const registered = [...events.getSubscribers()];
        for (const subscriber of registered) events.getSubscribers().delete(subscriber);
        for (const subscriber of [late, ...registered]) events.registerSubscriber(subscriber);
      }
      await em.transactional(tx => rename(tx, id, 'A'));
      expect(await summary()).toEqual([
        [1, 'update', { name: 'Ann', email: null }, { name: 'A', email: `late ${place}` }],
      ]);
    },
  );

  it('P1: SQL before and after a flush is in its transaction: one revision, with what the flush changed', async () => {
    const id = await seedUser();
    await test.orm.em.fork().transactional(async em => {
      await em.execute('update "user" set name = ? where id = ?', ['sql', id]);
      await rename(em, id, 'flush');
      await em.execute('update "user" set email = ? where id = ?', ['p1', id]);
    });
    expect(await summary()).toEqual([[1, 'update', { name: 'sql' }, { name: 'flush' }]]);
    expect(await test.revisions()).toHaveLength(1);
  });

  it('C8: an actor whose own row was rolled back does not stop the next revision', async () => {
    const id = await seedUser();
    const em = test.orm.em.fork();
    let ghost: User | undefined;
    const failing = em.transactional(async tx => {
      ghost = tx.create(User, { name: 'ghost', email: null });
      await tx.flush();
      throw new Error('undo');
    });
    await expect(failing).rejects.toThrow('undo');
    const ghostId = ghost!.id;
    await RevisionContext.run({ actor: ghost! }, () => rename(test.orm.em.fork(), id, 'A'));
    expect((await test.deltas()).map(row => [row.new, row.actor])).toEqual([[{ name: 'A' }, `User:${ghostId}`]]);
  });

  it('an actor who is created by the transaction that it acts in', async () => {
    const em = test.orm.em.fork();
    const user = em.create(User, { name: 'first', email: null });
    await RevisionContext.run({ actor: user }, () => em.flush());
    expect((await test.deltas()).map(row => [row.object, row.actor])).toEqual([[`User:${user.id}`, `User:${user.id}`]]);
    expect((await test.revisions()).map(row => row.actor)).toEqual([`User:${user.id}`]);
  });

  describe('reading history inside a transaction', () => {
    it('shows what is pending, and a later flush of the same object still makes one delta', async () => {
      const id = await seedUser('0');
      await test.orm.em.fork().transactional(async em => {
        await rename(em, id, '1');
        const early = await new HistoryService(em).deltas(User, id);
        expect(early.map(delta => [delta.action, delta.oldValues, delta.newValues])).toEqual([
          ['update', { name: '0' }, { name: '1' }],
        ]);
        await rename(em, id, '2');
        expect((await new SnapshotService(em).at(User, id, { version: 1 }))!.entity.name).toBe('2');
        em.create(User, { name: 'new', email: null });
      });
      expect(await summary()).toEqual([
        [1, 'update', { name: '0' }, { name: '2' }],
        [1, 'create', null, { name: 'new', email: null }],
      ]);
      const versions = await test.database.query('select version from revy_object_delta order by id');
      expect(versions).toEqual([{ version: 1 }, { version: 1 }]);
    });

    it('what cancels out after it was read is taken back, its revision as well', async () => {
      const id = await seedUser('0');
      await test.orm.em.fork().transactional(async em => {
        await rename(em, id, '1');
        expect(await new HistoryService(em).revisions()).toHaveLength(1);
        await rename(em, id, '0');
      });
      expect([await summary(), await test.revisions()]).toEqual([[], []]);
    });

    it('and rolling a savepoint back after an early write', async () => {
      const id = await seedUser('0');
      let early: unknown[] = [];
      await test.orm.em.fork().transactional(async em => {
        await em
          .transactional(
            async inner => {
              await rename(inner, id, '1');
              early = await new HistoryService(inner).deltas(User, id);
              throw new Error('undo');
            },
            { clear: true },
          )
          .catch(() => {});
        em.clear();
        await rename(em, id, '2');
      });
      expect(early).toHaveLength(1);
      expect((await test.deltas()).map(row => [row.action, row.old, row.new])).toEqual([
        ['update', { name: '0' }, { name: '2' }],
      ]);
      expect(await test.revisions()).toHaveLength(1);
    });

    it('early write, then a savepoint that writes early again and is rolled back', async () => {
      const id = await seedUser('0');
      await test.orm.em.fork().transactional(async em => {
        await rename(em, id, '1');
        await new HistoryService(em).revisions();
        await em
          .transactional(
            async inner => {
              await rename(inner, id, '2');
              await new HistoryService(inner).revisions();
              throw new Error('undo');
            },
            { clear: true },
          )
          .catch(() => {});
        em.clear();
        await rename(em, id, '3');
      });
      expect((await test.deltas()).map(row => [row.action, row.old, row.new])).toEqual([
        ['update', { name: '0' }, { name: '3' }],
      ]);
      expect(await test.revisions()).toHaveLength(1);
    });

    it('a rollback after an early write leaves nothing', async () => {
      const id = await seedUser('0');
      const failing = test.orm.em.fork().transactional(async em => {
        await rename(em, id, '1');
        await new HistoryService(em).revisions();
        throw new Error('undo');
      });
      await expect(failing).rejects.toThrow('undo');
      expect([await summary(), await test.revisions()]).toEqual([[], []]);
    });
  });

  it('a revision says what holds where its transaction commits', async () => {
    const id = await seedUser();
    await RevisionContext.run(
      { actor: new SystemActor('outer'), revisionDescription: 'outer', metadata: { a: 1 } },
      async () => {
        await test.orm.em.fork().transactional(async em => {
          await RevisionContext.run(
            { actor: new SystemActor('inner'), revisionDescription: 'inner', objectDeltaDescription: 'why' },
            () => rename(em, id, 'A'),
          );
        });
      },
    );
    expect(await test.revisions()).toEqual([
      { id: 1, description: 'outer', actor: 'system:outer', metadata: { a: 1 } },
    ]);
    expect((await test.deltas()).map(row => [row.actor, row.description])).toEqual([['system:inner', 'why']]);
  });

  it('the transaction id is that of the transaction', async () => {
    let xid: unknown;
    await test.orm.em.fork().transactional(async em => {
      em.create(Post, { title: 'One', slug: null, views: 0, meta: null, author: null });
      await em.flush();
      [{ xid }] = (await em.execute('select pg_current_xact_id()::text as xid')) as [{ xid: string }];
    });
    expect(await test.database.query('select transaction_id::text as id from revy_revision')).toEqual([{ id: xid }]);
  });
});
