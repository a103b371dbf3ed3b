import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EntityManager } from '@mikro-orm/postgresql';
import { HistoryService, Revision, RevisionContext, UnusableRevisionError } from '@revy/mikro-orm';
import { User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

describe('one revision for several transactions', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm();
  });
  afterAll(() => test.close());
  beforeEach(() => test.forget());

  const summary = async () => (await test.deltas()).map(row => [row.revision, row.action, row.new!['name']]);

  async function add(name: string): Promise<void> {
    const em = test.orm.em.fork();
    em.create(User, { name, email: null });
    await em.flush();
  }

  async function toAndFro(em: EntityManager): Promise<void> {
    const user = em.create(User, { name: 'passing', email: null });
    await em.flush();
    em.remove(user);
    await em.flush();
  }

  const failing = (fn: (em: EntityManager) => Promise<void>) =>
    test.orm.em
      .fork()
      .transactional(async em => {
        await fn(em);
        throw new Error('undo');
      })
      .catch(() => {});

  it('a revision object, made by the first transaction; it then has its id', async () => {
    const revision = new Revision();
    await RevisionContext.run({ revision, revisionDescription: 'import' }, async () => {
      await add('a');
      expect(revision.id).toBe(1);
      await add('b');
    });
    await RevisionContext.run({ revision }, () => add('c'));
    await add('d');
    expect(await summary()).toEqual([
      [1, 'create', 'a'],
      [1, 'create', 'b'],
      [1, 'create', 'c'],
      [2, 'create', 'd'],
    ]);
    expect((await test.revisions()).map(row => row.description)).toEqual(['import', null]);
  });

  it('a function is called once for its frame, on first use, and never if nothing changes', async () => {
    let calls = 0;
    const revision = () => {
      calls++;
      return new Revision();
    };
    await RevisionContext.run({ revision }, async () => {
      await test.orm.em.fork().flush();
      expect(calls).toBe(0);
      await add('a');
      await RevisionContext.run({ revisionDescription: 'inner' }, () => add('b'));
    });
    await RevisionContext.run({ revision }, () => add('c'));
    expect(calls).toBe(2);
    expect(await summary()).toEqual([
      [1, 'create', 'a'],
      [1, 'create', 'b'],
      [2, 'create', 'c'],
    ]);
  });

  it('the first transaction is rolled back: the next one makes the revision', async () => {
    const revision = new Revision();
    await RevisionContext.run({ revision }, async () => {
      await failing(async em => {
        em.create(User, { name: 'lost', email: null });
        await em.flush();
      });
      expect(revision.id).toBeUndefined();
      await add('a');
      await add('b');
    });
    expect(await summary()).toEqual([
      [revision.id, 'create', 'a'],
      [revision.id, 'create', 'b'],
    ]);
    expect(await test.revisions()).toHaveLength(1);
  });

  it('transactions side by side share it, though one of them has to wait for the other', async () => {
    await RevisionContext.run({ revision: () => new Revision() }, () =>
      Promise.all(
        Array.from({ length: 12 }, (_, n) =>
          n % 3
            ? add(`n${n}`)
            : failing(em =>
                toAndFro(em)
                  .then(() => void em.create(User, { name: 'x', email: null }))
                  .then(() => em.flush()),
              ),
        ),
      ),
    );
    const rows = await summary();
    expect(rows).toHaveLength(8);
    expect(new Set(rows.map(row => row[0])).size).toBe(1);
    expect(await test.revisions()).toHaveLength(1);
  });

  it('a transaction that cancels out after its history was read does not wait for itself', async () => {
    const revision = new Revision();
    await RevisionContext.run({ revision }, async () => {
      await test.orm.em.fork().transactional(async em => {
        await toAndFro(em);
        expect(await new HistoryService(em).revisions()).toEqual([]);
      });
      expect([await test.revisions(), revision.id]).toEqual([[], undefined]);
      await add('a');
    });
    expect(await summary()).toEqual([[revision.id, 'create', 'a']]);
  }, 5000);

  it('a savepoint that read the history and was rolled back does not keep it', async () => {
    const revision = new Revision();
    await RevisionContext.run({ revision }, async () => {
      await test.orm.em.fork().transactional(async em => {
        await em
          .transactional(
            async inner => {
              inner.create(User, { name: 'lost', email: null });
              await inner.flush();
              await new HistoryService(inner).revisions();
              throw new Error('undo');
            },
            { clear: true },
          )
          .catch(() => {});
        em.clear();
        em.create(User, { name: 'a', email: null });
      });
      await add('b');
    });
    expect(await summary()).toEqual([
      [revision.id, 'create', 'a'],
      [revision.id, 'create', 'b'],
    ]);
    expect((await test.revisions()).map(row => row.id)).toEqual([revision.id]);
  }, 5000);

  it('what was written early and taken back leaves a revision alone that was there before', async () => {
    const revision = new Revision();
    await RevisionContext.run({ revision }, async () => {
      await add('a');
      await test.orm.em.fork().transactional(async em => {
        const user = em.create(User, { name: 'passing', email: null });
        await em.flush();
        await new HistoryService(em).revisions();
        em.remove(user);
      });
      await add('b');
    });
    expect(await summary()).toEqual([
      [1, 'create', 'a'],
      [1, 'create', 'b'],
    ]);
    expect(await test.revisions()).toHaveLength(1);
  }, 5000);

  it('a COMMIT that fails after the history was read gives no id away', async () => {
    await test.database.query(
      'alter table "user" drop constraint user_email_unique, add constraint user_email_unique unique (email) deferrable initially deferred',
    );
    const revision = new Revision();
    await RevisionContext.run({ revision }, async () => {
      const commit = test.orm.em.fork().transactional(async em => {
        em.create(User, { name: 'x', email: 'same' });
        em.create(User, { name: 'y', email: 'same' });
        await em.flush();
        await new HistoryService(em).revisions();
      });
      await expect(commit).rejects.toThrow('duplicate key');
      expect(revision.id).toBeUndefined();
      await add('a');
    });
    expect(await summary()).toEqual([[revision.id, 'create', 'a']]);
    expect((await test.revisions()).map(row => row.id)).toEqual([revision.id]);
  }, 5000);

  it('anything but a revision is refused, and nothing is written', async () => {
    await expect(RevisionContext.run({ revision: { id: 1 } }, () => add('a'))).rejects.toThrow(UnusableRevisionError);
    await expect(RevisionContext.run({ revision: () => new Date() }, () => add('a'))).rejects.toThrow(
      UnusableRevisionError,
    );
    expect(await summary()).toEqual([]);
  });
});
