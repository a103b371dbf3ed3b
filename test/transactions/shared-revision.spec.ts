import { IsolationLevel, TransactionPropagation } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { HistoryService, Revision, RevisionContext } from '@revy/mikro-orm';
import { Comment, Post, Tag } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { forget, installWitness, recorded, witnessed } from './witness.js';

/** Resolved from outside: how the transactions of a test wait for each other. */
type Gate = ReturnType<typeof Promise.withResolvers<void>>;
const gate = (): Gate => Promise.withResolvers<void>();

describe('a revision that concurrent transactions share', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm(undefined, {
      config: { pool: { max: 20 }, driverOptions: { options: '-c deadlock_timeout=100ms' } },
    });
    await installWitness(test);
    // a history of a page, once counted, is read whole, which at serializable makes a conflict: see docs/limits.md
    await test.database.query('alter table revy_object_delta set (autovacuum_enabled = false)');
  });
  afterAll(() => test.close());
  beforeEach(async () => {
    await test.database.query('truncate "user", post, comment, tag, post_tags restart identity');
    await seed('one', 'two', 'three');
    await forget(test);
  });

  async function seed(...names: string[]): Promise<void> {
    const em = test.orm.em.fork();
    for (const name of names) em.create(Tag, { name });
    await em.flush();
  }

  async function rename(em: EntityManager, id: number, name: string): Promise<void> {
    (await em.findOneOrFail(Tag, id)).name = name;
    await em.flush();
  }

  const readOwn = (em: EntityManager) => new HistoryService(em).revisions();
  const transaction = (work: (em: EntityManager) => Promise<unknown>, options = {}) =>
    test.orm.em.fork().transactional(work, options);

  /** All deltas are in one revision, there is no other, and they are what the triggers saw. */
  async function expectOneRevision(revision: Revision): Promise<void> {
    const deltas = await test.deltas();
    expect((await test.revisions()).map(row => row.id)).toEqual([revision.id]);
    expect([...new Set(deltas.map(row => row.revision))]).toEqual([revision.id]);
    // the revision has the number of the transaction that made it
    const bare = ({ rows, links }: Awaited<ReturnType<typeof recorded>>) => ({
      rows: rows.map(row => ({ ...row, transaction: null })).toSorted((a, b) => a.object.localeCompare(b.object)),
      links,
    });
    expect(bare(await recorded(test))).toEqual(bare(await witnessed(test)));
  }

  it('one that has read its own history keeps nobody waiting: each may wait for the rows of the other', async () => {
    const [hasRead, hasLocked] = [gate(), gate()];
    const revision = new Revision();
    await RevisionContext.run({ revision }, () =>
      Promise.all([
        transaction(async em => {
          await rename(em, 1, 'one, by the reader');
          expect(await readOwn(em)).toHaveLength(1);
          hasRead.resolve();
          await hasLocked.promise;
          await rename(em, 2, 'two, by the reader');
        }),
        transaction(async em => {
          await hasRead.promise;
          await rename(em, 3, 'three, by the other');
          await rename(em, 2, 'two, by the other');
          hasLocked.resolve();
        }),
      ]),
    );
    expect((await test.database.query('select name from tag order by id')).map(row => row['name'])).toEqual([
      'one, by the reader',
      'two, by the reader',
      'three, by the other',
    ]);
    expect((await test.deltas()).map(row => [row.object, row.old, row.new])).toEqual(
      expect.arrayContaining([
        ['Tag:1', { name: 'one' }, { name: 'one, by the reader' }],
        ['Tag:2', { name: 'two' }, { name: 'two, by the other' }],
        ['Tag:3', { name: 'three' }, { name: 'three, by the other' }],
      ]),
    );
    expect((await test.revisions()).map(row => row.id)).toEqual([revision.id]);
    expect(new Set((await test.deltas()).map(row => row.revision))).toEqual(new Set([revision.id]));
  });

  it('a transaction inside one that has read its own history commits first', async () => {
    const revision = new Revision();
    await RevisionContext.run({ revision }, () =>
      transaction(async em => {
        await rename(em, 1, 'outer');
        await readOwn(em);
        await em.transactional(inner => rename(inner, 2, 'inner'), {
          propagation: TransactionPropagation.REQUIRES_NEW,
          clear: true,
        });
        const own = await new HistoryService(em).deltas(Tag, 1);
        expect(own.map(delta => delta.newValues)).toEqual([{ name: 'outer' }]);
        await rename(em, 3, 'outer');
      }),
    );
    await expectOneRevision(revision);
  });

  it('what one has written early for good goes along, too', async () => {
    const names = Array.from({ length: 10_005 }, (_, n) => ({ name: `bulk ${n}` }));
    const revision = new Revision();
    await RevisionContext.run({ revision }, () =>
      transaction(async em => {
        await em.insertMany(Tag, names);
        await readOwn(em);
        await transaction(inner => rename(inner, 2, 'by the other'));
        await rename(em, 1, 'after the bulk');
      }),
    );
    await expectOneRevision(revision);
    expect(await test.deltas()).toHaveLength(10_007);
  });

  it('what one has written early and taken back leaves the revision of the others alone', async () => {
    const revision = new Revision();
    await RevisionContext.run({ revision }, () =>
      transaction(async em => {
        await rename(em, 1, 'for a while');
        await readOwn(em);
        await transaction(inner => rename(inner, 2, 'by the other'));
        await rename(em, 1, 'one');
      }),
    );
    await expectOneRevision(revision);
    expect((await test.deltas()).map(row => row.object)).toEqual(['Tag:2']);
  });

  it('forty of them, of which some read, some fail, and some fail at the COMMIT', async () => {
    await test.database.query(
      'alter table "user" drop constraint if exists user_email_unique, add constraint user_email_unique unique (email) deferrable initially deferred',
    );
    const failures: unknown[] = [];
    const run = (n: number) =>
      transaction(async em => {
        const post = em.create(Post, { title: `n${n}`, slug: null, views: 0, meta: null, author: null });
        await em.flush();
        if (n % 3 === 0) await readOwn(em);
        post.views = n;
        if (n % 5 === 0) throw new Error('undo');
        if (n % 7 === 0) await em.execute(`insert into "user" (name, email) values ('x', 'same'), ('y', 'same')`);
      }).catch((error: unknown) => failures.push(error));
    const revision = new Revision();
    await RevisionContext.run({ revision }, () => Promise.all(Array.from({ length: 40 }, (_, n) => run(n))));
    expect(failures).toHaveLength(8 + 4);
    await expectOneRevision(revision);
    expect(await test.deltas()).toHaveLength(28);
  });

  it.each([IsolationLevel.REPEATABLE_READ, IsolationLevel.SERIALIZABLE])(
    'at %s nobody fails for the sake of the revision',
    async isolationLevel => {
      const options = { isolationLevel };
      const late = (text: string) => {
        const [hasBegun, mayCommit] = [gate(), gate()];
        const isDone = transaction(async em => {
          // its view of the database begins before the others commit
          await em.execute('select');
          hasBegun.resolve();
          await mayCommit.promise;
          em.create(Comment, { text, post: em.getReference(Post, 1) });
        }, options);
        return { hasBegun, mayCommit, isDone };
      };
      await RevisionContext.runDisabled(() =>
        transaction(async em => em.create(Post, { title: 'post', slug: null, views: 0, meta: null, author: null })),
      );
      await forget(test);
      const revision = new Revision();
      await RevisionContext.run({ revision }, async () => {
        const others = [late('by 2'), late('by 3')];
        await Promise.all(others.map(({ hasBegun }) => hasBegun.promise));
        await transaction(em => rename(em, 1, 'first'), options);
        // one after the other: neighbours in the index of the history may fail at serializable, see docs/limits.md
        for (const { mayCommit, isDone } of others) {
          mayCommit.resolve();
          await isDone;
        }
      });
      await expectOneRevision(revision);
      expect(await test.deltas()).toHaveLength(3);
    },
  );

  it('a COMMIT that waits for a row of one that waits for it is a deadlock, which the database finds', async () => {
    await test.database.query(
      'alter table comment drop constraint comment_post_id_foreign, add constraint comment_post_id_foreign foreign key (post_id) references post deferrable initially deferred',
    );
    await RevisionContext.runDisabled(() =>
      transaction(async em => em.create(Post, { title: 'post', slug: null, views: 0, meta: null, author: null })),
    );
    await forget(test);
    const [hasLocked, isCommitting] = [gate(), gate()];
    const results = await RevisionContext.run({ revision: () => new Revision() }, () =>
      Promise.allSettled([
        transaction(async em => {
          em.create(Comment, { text: 'comment', post: em.getReference(Post, 1) });
          await em.flush();
          await hasLocked.promise;
          isCommitting.resolve();
          // the check of its foreign key at the COMMIT waits for the deletion
        }),
        transaction(async em => {
          em.remove(await em.findOneOrFail(Post, 1));
          await em.flush();
          hasLocked.resolve();
          await isCommitting.promise;
          await untilWaiting();
        }),
      ]),
    );
    const rejected = results.filter(result => result.status === 'rejected');
    expect(rejected).toHaveLength(1);
    expect(rejected[0]).toMatchObject({ reason: { code: '40P01' } });
    expect((await recorded(test)).rows).toEqual((await witnessed(test)).rows);
  });

  async function untilWaiting(): Promise<void> {
    const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    while ((await test.database.query(waiting)).length === 0);
  }
});
