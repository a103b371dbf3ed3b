import { defineEntity, p } from '@mikro-orm/core';
import {
  ContextRequiredError,
  HistoryService,
  ObjectDelta,
  OutsideContextError,
  PointBeforeHistoryError,
  RevertService,
  Revision,
  RevisionContext,
  revy,
  RevyOptionError,
  SnapshotService,
  SystemActor,
  UntrackedEntityError,
} from '@revy/mikro-orm';
import { Post, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

class Account {
  id!: number;
  owner!: string;
  limit!: number | null;
  token!: string | null;
  cache!: string | null;
}

const AccountSchema = defineEntity({
  class: Account,
  revy: { mask: ['token'], exclude: ['cache'] },
  properties: {
    id: p.integer().primary().autoincrement(),
    owner: p.string(),
    limit: p.integer().nullable(),
    token: p.string().nullable(),
    cache: p.string().nullable(),
  },
});

const Log = defineEntity({ name: 'Log', revy: { track: false }, properties: { id: p.integer().primary() } });

let test: TestOrm;
const fork = () => test.orm.em.fork();

beforeAll(async () => {
  test = await createOrm([AccountSchema, Log], { revy: { keyframeEvery: 3 } });
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.forget();
  await test.database.query('truncate account restart identity');
  await test.database.query(
    `insert into account (owner, "limit", token, cache) values
     ('Ann', 1, 'secret', 'c'), ('Bob', null, null, null), ('Cid', 3, 'other secret', null), ('Dan', 4, null, 'c')`,
  );
});

const stored = () =>
  test.database.query(
    `select object_type || ':' || object_id as object, action, version, old_values as old, new_values as new, state,
            actor_type || coalesce(':' || actor_id, '') as actor, description, revision_id::int as revision
     from revy_object_delta order by id`,
  );

async function change(id: number, values: Partial<Account>): Promise<void> {
  const em = fork();
  Object.assign(await em.findOneOrFail(Account, id), values);
  await em.flush();
}

describe('N1: a baseline', () => {
  it('records each row once, whole, with neither what is masked nor what is excluded', async () => {
    expect(await revy.baseline(fork(), Account)).toEqual({ recorded: 4, revisions: [1] });
    const baseline = {
      action: 'update',
      version: 1,
      old: {},
      new: {},
      actor: null,
      description: 'baseline',
      revision: 1,
    };
    expect(await stored()).toEqual([
      { object: 'Account:1', ...baseline, state: { owner: 'Ann', limit: 1, token: '[FILTERED]' } },
      { object: 'Account:2', ...baseline, state: { owner: 'Bob', limit: null, token: null } },
      { object: 'Account:3', ...baseline, state: { owner: 'Cid', limit: 3, token: '[FILTERED]' } },
      { object: 'Account:4', ...baseline, state: { owner: 'Dan', limit: 4, token: null } },
    ]);
    expect(await test.revisions()).toEqual([{ id: 1, description: 'baseline', actor: null, metadata: null }]);
    expect(await test.attributes()).toEqual([]);
  });

  it('skips objects that have a history, and goes on where a run was broken off', async () => {
    await change(2, { limit: 9 });
    const seen: number[] = [];
    const broken = revy.baseline(fork(), Account, {
      chunkRows: 2,
      onProgress: ({ recorded }) => {
        seen.push(recorded);
        throw new Error('enough');
      },
    });
    await expect(broken).rejects.toThrow('enough');
    expect(seen).toEqual([2]);
    expect((await stored()).map(({ object }) => object)).toEqual(['Account:2', 'Account:1', 'Account:3']);
    expect(await revy.baseline(fork(), Account, { chunkRows: 2 })).toEqual({ recorded: 1, revisions: [3] });
    expect((await stored()).map(({ object }) => object)).toEqual(['Account:2', 'Account:1', 'Account:3', 'Account:4']);
    expect(await revy.baseline(fork(), Account)).toEqual({ recorded: 0, revisions: [] });
    expect(await test.revisions()).toHaveLength(3);
  });

  it('passes over what has a history in one statement, without a lock on it', async () => {
    await revy.baseline(fork(), Account);
    await test.database.query(`insert into account (owner) values ('Eve')`);
    const locked = () => test.database.query('select xmax::text <> $1 as is_locked from account order by id', ['0']);
    await test.database.query('update account set owner = owner');
    const sent = await statementsOf(() => revy.baseline(fork(), Account, { chunkRows: 1 }));
    const words = sent.map(text => /^(begin|select|with|commit)/.exec(text)?.[1]);
    expect(words.join(' ')).toBe('begin select with commit begin select commit');
    expect((await locked()).map(row => row['is_locked'])).toEqual([false, false, false, false, true]);
  });

  it('takes two statements and a transaction for each chunk, and tells how far it is', async () => {
    const progress: object[] = [];
    const sent = await statementsOf(() =>
      revy.baseline(fork(), Account, {
        chunkRows: 3,
        onProgress: async one => {
          await Promise.resolve();
          progress.push(one);
        },
      }),
    );
    const words = sent.map(text => /^(begin|select|with|commit)/.exec(text)?.[1]);
    expect(words).toEqual(['begin', 'select', 'with', 'commit', 'begin', 'select', 'with', 'commit']);
    expect(progress).toEqual([{ recorded: 3 }, { recorded: 4 }]);
  });

  it('aborts a chunk that fails, whole, and keeps those before it', async () => {
    await test.database.query(`
      create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
      create trigger refuse before insert on revy_object_delta for each row when (new.object_id = '3') execute function refuse()`);
    await expect(revy.baseline(fork(), Account, { chunkRows: 2 })).rejects.toThrow('no');
    expect((await stored()).map(({ object }) => object)).toEqual(['Account:1', 'Account:2']);
    expect(await test.revisions()).toHaveLength(1);
    await test.database.query('drop function refuse cascade');
    expect(await revy.baseline(fork(), Account, { chunkRows: 2 })).toMatchObject({ recorded: 2 });
  });

  it('is made by whoever the context names, and for its reason', async () => {
    const values = {
      actor: new SystemActor('migration'),
      revisionDescription: 'tracking begins',
      objectDeltaDescription: 'as found',
      metadata: { ticket: 7 },
    };
    await RevisionContext.run(values, () => revy.baseline(fork(), Account));
    expect(await test.revisions()).toEqual([
      { id: 1, description: 'tracking begins', actor: 'system:migration', metadata: { ticket: 7 } },
    ]);
    expect((await stored())[0]).toMatchObject({ actor: 'system:migration', description: 'as found' });
  });

  it('is part of the transaction around it, and sees what that has flushed', async () => {
    const em = fork();
    await em.begin();
    (await em.findOneOrFail(Account, 1)).limit = 7;
    await em.flush();
    expect(await revy.baseline(em, Account)).toMatchObject({ recorded: 3 });
    await em.rollback();
    expect(await stored()).toEqual([]);
    await fork().transactional(async inner => {
      inner.create(Account, { owner: 'Eve', limit: null, token: null, cache: null });
      await inner.flush();
      await revy.baseline(inner, Account);
    });
    expect((await stored()).map(({ object, action, version }) => [object, action, version])).toEqual([
      ['Account:5', 'create', 1],
      ['Account:1', 'update', 1],
      ['Account:2', 'update', 1],
      ['Account:3', 'update', 1],
      ['Account:4', 'update', 1],
    ]);
  });

  it('is refused for classes that are not tracked, in sizes that are none, and without a context where one is required', async () => {
    await expect(revy.baseline(fork(), Log)).rejects.toThrow(UntrackedEntityError);
    for (const chunkRows of [0, 1.5, 100_001]) {
      await expect(revy.baseline(fork(), Account, { chunkRows })).rejects.toThrow(RevyOptionError);
    }
    const strict = await createOrm([AccountSchema], { revy: { outsideContext: 'throw' } });
    await expect(revy.baseline(strict.orm.em.fork(), Account)).rejects.toThrow(OutsideContextError);
    await RevisionContext.run({}, () => revy.baseline(strict.orm.em.fork(), Account));
    await strict.close();
    const explained = await createOrm([AccountSchema], { revy: { require: ['description'] } });
    await expect(revy.baseline(explained.orm.em.fork(), Account)).rejects.toThrow(ContextRequiredError);
    await RevisionContext.run({ revisionDescription: 'x' }, () => revy.baseline(explained.orm.em.fork(), Account));
    await explained.close();
  });
});

describe('the history after a baseline', () => {
  it('N2: has the full state at each version, and the right old values', async () => {
    await revy.baseline(fork(), Account);
    for (let n = 2; n <= 8; n++) await change(1, { limit: n * 10 });
    const snapshots = new SnapshotService(fork());
    for (let version = 1; version <= 8; version++) {
      const snapshot = (await snapshots.at(Account, 1, { version }))!;
      expect(snapshot.entity).toMatchObject({ owner: 'Ann', limit: version === 1 ? 1 : version * 10 });
      expect(snapshot).toMatchObject({ version, unknown: ['token', 'cache'], isLive: version === 8 });
    }
    expect((await test.deltas()).filter(({ object }) => object === 'Account:1').slice(1, 3)).toMatchObject([
      { old: { limit: 1 }, new: { limit: 20 } },
      { old: { limit: 20 }, new: { limit: 30 } },
    ]);
    const frames = (await stored()).filter(({ object, state }) => object === 'Account:1' && state !== null);
    expect(frames.map(({ version, state }) => [version, state])).toEqual([
      [1, { owner: 'Ann', limit: 1, token: '[FILTERED]' }],
      [4, { owner: 'Ann', limit: 40 }],
      [7, { owner: 'Ann', limit: 70 }],
    ]);
  });

  it('takes one statement for what took three, and survives what nobody saw', async () => {
    await revy.baseline(fork(), Account);
    await change(1, { limit: 2 });
    const snapshots = new SnapshotService(fork());
    const sent = await statementsOf(() => snapshots.at(Account, 1, { version: 2 }));
    expect(sent).toHaveLength(1);
    await test.database.query('delete from account where id in (1, 2)');
    expect(await snapshots.at(Account, 1, { version: 2 })).toMatchObject({ entity: { owner: 'Ann', limit: 2 } });
    expect(await snapshots.at(Account, 2, { version: 1 })).toMatchObject({ entity: { owner: 'Bob', limit: null } });
    // and before the baseline, which found what had been there
    expect(await snapshots.at(Account, 1, { before: 1 })).toMatchObject({ entity: { owner: 'Ann', limit: 1 } });
  });

  it('does not say that the object was created then: before it, snapshots go on being read backwards', async () => {
    await change(4, { limit: 40 });
    await test.database.query('select pg_sleep(0.002)');
    const between = new Date();
    await test.database.query('select pg_sleep(0.002)');
    await revy.baseline(fork(), Account);
    await change(1, { limit: 10, owner: 'Anna' });
    const snapshots = new SnapshotService(fork());
    for (const point of [between, { revision: 1 }, { before: 2 }]) {
      const [one, two] = await snapshots.many(Account, [1, 2], point);
      expect(one).toMatchObject({ version: 0, revision: null, isLive: false, entity: { owner: 'Ann', limit: 1 } });
      expect(two).toMatchObject({ version: 0, revision: null, entity: { owner: 'Bob', limit: null } });
    }
    const early = new Date('2001-01-01T00:00:00Z');
    await expect(snapshots.at(Account, 1, early)).rejects.toThrow(PointBeforeHistoryError);
    const deltas = await new HistoryService(fork()).deltas(Account, 1);
    expect(deltas.map(({ action, description, version }) => [action, description, version])).toEqual([
      ['update', 'baseline', 1],
      ['update', null, 2],
    ]);
    expect(await fork().count(ObjectDelta, { action: 'create' })).toBe(0);
    expect((await fork().findOneOrFail(Revision, { description: 'baseline' })).id).toBe(2);
  });
});

describe('whoever else reads the history', () => {
  const at = async (revision: number) => {
    const rows = await new SnapshotService(fork()).asOf({ revision }, em =>
      em.find(Account, {}, { orderBy: { id: 1 } }),
    );
    return rows.map(({ id, owner, limit }) => [id, owner, limit]);
  };

  it('sees the same rows at each point, with a baseline in between', async () => {
    await change(1, { limit: 10 });
    await revy.baseline(fork(), Account);
    await change(1, { limit: 11 });
    await change(2, { owner: 'Bert', limit: 20 });
    const em = fork();
    await em.remove(await em.findOneOrFail(Account, 3)).flush();
    const [bob, dan] = [
      [2, 'Bob', null],
      [4, 'Dan', 4],
    ];
    const before = [[1, 'Ann', 10], bob, [3, 'Cid', 3], dan];
    expect(await at(1)).toEqual(before);
    expect(await at(2)).toEqual(before);
    expect(await at(3)).toEqual([[1, 'Ann', 11], bob, [3, 'Cid', 3], dan]);
    expect(await at(5)).toEqual([[1, 'Ann', 11], [2, 'Bert', 20], dan]);
    const versions = await new HistoryService(fork()).versions(Account, 2);
    const states = await Promise.all(versions.map(version => version.state()));
    expect(states).toMatchObject([
      { owner: 'Bob', limit: null },
      { owner: 'Bert', limit: 20 },
    ]);
    expect(versions.map(({ changed }) => changed)).toEqual([[], ['owner', 'limit']]);
  });

  it('puts an object back to what its baseline found, and has nothing to undo of the baseline itself', async () => {
    const { revisions } = await revy.baseline(fork(), Account);
    await change(2, { owner: 'Bert', limit: 20 });
    const reverts = new RevertService(fork());
    await reverts.toVersion(Account, 2, 1);
    const row = () => test.database.query('select owner, "limit" from account where id = 2');
    expect(await row()).toEqual([{ owner: 'Bob', limit: null }]);
    expect(String(await reverts.revision(revisions[0]!))).not.toContain('delete');
    expect(await test.database.query('select count(*)::int as n from account')).toEqual([{ n: 4 }]);
    expect(await row()).toEqual([{ owner: 'Bob', limit: null }]);
  });
});

describe('beside writers', () => {
  it('waits for rows that somebody is writing, and takes what they leave: history first, then nothing', async () => {
    const writer = fork();
    await writer.begin();
    (await writer.findOneOrFail(Account, 2)).limit = 20;
    await writer.flush();
    const run = revy.baseline(fork(), Account);
    const waiting = async () => {
      const [row] = await test.database.query<{ n: number }>(
        `select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return row!.n;
    };
    while ((await waiting()) === 0) await new Promise(resolve => setImmediate(resolve));
    // the others did not have to wait: whoever waits holds one row at most
    await change(3, { limit: 30 });
    await writer.commit();
    expect(await run).toMatchObject({ recorded: 2 });
    const rows = await stored();
    expect(rows.map(({ object, version, new: values, state }) => [object, version, values, state !== null])).toEqual(
      expect.arrayContaining([
        ['Account:1', 1, {}, true],
        ['Account:2', 1, { limit: 20 }, false],
        ['Account:3', 1, { limit: 30 }, false],
        ['Account:4', 1, {}, true],
      ]),
    );
    expect(rows).toHaveLength(4);
  });

  it('keeps the order: no object has two first versions, whatever is written meanwhile', async () => {
    await test.database.query(`insert into account (owner, "limit") select 'x', 0 from generate_series(1, 300)`);
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let n = 0; n < 40; n++) await change(5 + ((n * 7 + writer * 71) % 300), { limit: n + 1 });
    });
    const run = revy.baseline(fork(), Account, { chunkRows: 20 });
    await Promise.all([...writers, run]);
    const wrong = await test.database.query(
      `select object_id, array_agg(version order by id) as versions from revy_object_delta group by object_id
       having max(version) <> count(*) or count(distinct version) <> count(*)
           or array_agg(version order by id) <> array_agg(version order by version)`,
    );
    expect(wrong).toEqual([]);
    // each state follows from the one before: what a delta replaces is what was there
    const breaks = await test.database.query(
      `select * from (
         select object_id, version, old_values -> 'limit' as old,
                lag(coalesce(state, new_values) -> 'limit') over (partition by object_id order by id) as before
         from revy_object_delta) d
       where before is not null and old is not null and old <> before`,
    );
    expect(breaks).toEqual([]);
    expect((await run).recorded).toBeGreaterThan(0);
    const [objects] = await test.database.query(
      'select count(distinct object_id)::int as count from revy_object_delta',
    );
    expect(objects).toEqual({ count: 304 });
  }, 60_000);
});

describe('with the blog', () => {
  it('records relations by key, and leaves the links of collections to the tables', async () => {
    const blog = await createOrm();
    await blog.database.query(`insert into "user" (name) values ('Ann')`);
    await blog.database.query(
      `insert into post (title, views, meta, author_id) values ('T', 3, '{"a": [1, null]}', 1)`,
    );
    await blog.database.query(`insert into tag (name) values ('t')`);
    await blog.database.query('insert into post_tags values (1, 1)');
    await revy.baseline(blog.orm.em.fork(), User);
    await revy.baseline(blog.orm.em.fork(), Post);
    const rows = await blog.database.query(`select object_type as type, state from revy_object_delta order by id`);
    expect(rows).toEqual([
      { type: 'User', state: { name: 'Ann', email: null } },
      { type: 'Post', state: { title: 'T', slug: null, views: 3, meta: { a: [1, null] }, author: 1 } },
    ]);
    const found = await new SnapshotService(blog.orm.em.fork()).at(Post, 1, undefined, {
      populate: ['tags', 'author'],
    });
    expect(found!.entity.tags.getItems()).toMatchObject([{ name: 't' }]);
    expect(found!.entity.author).toMatchObject({ name: 'Ann' });
    await blog.close();
  });
});
