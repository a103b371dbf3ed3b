import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MikroORM } from '@mikro-orm/postgresql';
import { revy, RevisionContext } from '@revy/mikro-orm';
import { BLOG, Post, User } from '../support/blog.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { tapWire, type WireTap } from '../support/wire.js';

describe('E16, Q9, R3: what a tracked flush sends', () => {
  let database: TestDatabase;
  let wire: WireTap;
  let orm: MikroORM;
  beforeAll(async () => {
    database = await createDatabase();
    wire = await tapWire(database.url);
    orm = await MikroORM.init({ clientUrl: wire.url, entities: BLOG, extensions: [revy()], pool: { min: 1, max: 1 } });
    await orm.schema.create();
    // each connection prepares two statements: one for what creates or deletes only, and one for the rest
    const em = orm.em.fork();
    const user = em.create(User, { name: 'warm up', email: null });
    await em.flush();
    user.name = 'warm';
    await em.flush();
  });
  afterAll(async () => {
    await orm.close(true);
    await wire.close();
    await database.drop();
  });

  const HISTORY_AND_COMMIT = ['Bind', 'Execute', 'Parse commit', 'Bind', 'Execute', 'Sync'];

  async function compare(work: () => Promise<unknown>): Promise<{ tracked: string[][]; untracked: string[][] }> {
    const untracked = await wire.during(() => RevisionContext.runDisabled(work));
    return { untracked, tracked: await wire.during(work) };
  }

  async function posts(count: number): Promise<Post[]> {
    const em = orm.em.fork();
    const made = Array.from({ length: count }, (_, n) =>
      em.create(Post, { title: `t${n}`, slug: null, views: n, meta: null, author: null }),
    );
    await em.flush();
    return made;
  }

  it.each([1, 1000])(
    '%s creates: the round trips of an untracked flush, and one statement more beside the COMMIT',
    async count => {
      const { tracked, untracked } = await compare(() => posts(count));
      expect(untracked.at(-1)!.join()).toContain('commit');
      expect(tracked).toHaveLength(untracked.length);
      expect(tracked.slice(0, -1)).toEqual(untracked.slice(0, -1));
      expect(tracked.at(-1)).toEqual(HISTORY_AND_COMMIT);
    },
  );

  it.each([1, 1000])('%s updates, and as many deletes', async count => {
    const made = await posts(count);
    const ids = made.map(post => post.id);
    const update = async (suffix: string) => {
      const em = orm.em.fork();
      for (const post of await em.find(Post, { id: ids })) post.title += suffix;
      await em.flush();
    };
    const updates = await compare(() => update('!'));
    expect(updates.tracked).toHaveLength(updates.untracked.length);
    expect(updates.tracked.at(-1)).toEqual(HISTORY_AND_COMMIT);

    const remove = async (where: object) => {
      const em = orm.em.fork();
      for (const post of await em.find(Post, where)) em.remove(post);
      await em.flush();
    };
    const tracked = await wire.during(() => remove({ id: ids }));
    const again = (await posts(count)).map(post => post.id);
    const untracked = await wire.during(() => RevisionContext.runDisabled(() => remove({ id: again })));
    // the rows are locked, and what depends on them is read: comments and links, one query each
    expect(tracked).toHaveLength(untracked.length + 3);
    expect(tracked.at(-1)).toEqual(HISTORY_AND_COMMIT);
  });

  it('several flushes of one transaction send the history once', async () => {
    const [post] = await posts(1);
    const tracked = await wire.during(() =>
      orm.em.fork().transactional(async em => {
        const loaded = await em.findOneOrFail(Post, post!.id);
        for (const title of ['a', 'b', 'c']) {
          loaded.title = title;
          await em.flush();
        }
      }),
    );
    expect(tracked.flat().filter(message => message === 'Parse commit')).toHaveLength(1);
    expect(tracked.at(-1)).toEqual(HISTORY_AND_COMMIT);
    // begin, select, three updates, history with COMMIT
    expect(tracked).toHaveLength(6);
  });

  it('nothing to record: an ordinary COMMIT', async () => {
    const tracked = await wire.during(() => orm.em.fork().transactional(em => em.find(User, {})));
    expect(tracked.flat().join()).not.toContain('Execute,Parse commit');
    expect(tracked).toHaveLength(3);
    expect(await wire.during(() => orm.em.fork().flush())).toEqual([]);
  });

  it('unknown old values take one read, whatever their number', async () => {
    const ids = (await posts(50)).map(post => post.id);
    const touch = async (title: string) => {
      const em = orm.em.fork();
      for (const id of ids) em.getReference(Post, id).title = title;
      await em.flush();
    };
    const untracked = await wire.during(() => RevisionContext.runDisabled(() => touch('a')));
    const tracked = await wire.during(() => touch('b'));
    expect(tracked).toHaveLength(untracked.length + 1);
  });
});
