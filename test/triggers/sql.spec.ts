import type { EntityManager } from '@mikro-orm/postgresql';
import { RevisionContext, SnapshotService, SystemActor } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { Account, ACCOUNTS, Tag } from './account.js';

let t: TestOrm;
const warnings: string[] = [];

beforeAll(async () => {
  t = await createOrm(ACCOUNTS);
  t.orm.config.getLogger().warn = (_namespace, message) => void warnings.push(message);
});
afterAll(async () => t?.close());

const sql = (text: string) => t.database.query(text);

beforeEach(async () => {
  warnings.length = 0;
  await sql('truncate account, account_tags, tag');
  await sql(`insert into tag values (7, 'seven'), (8, 'eight')`);
  await sql(`insert into account (id, name, secret) values (1, 'Ann', 'old secret'), (2, 'Bob', null)`);
  await t.forget();
});

const change = async (object = 'Account:1') =>
  (await t.deltas())
    .filter(delta => delta.object === object)
    .map(({ action, old, new: after }) => [action, old, after]);

describe('what another program writes', () => {
  it('is recorded with its old and new values, one revision for each transaction', async () => {
    await sql(
      `insert into account (id, name, since, settings) values (3, 'Cy', '2020-01-02T03:04:05.678Z', '{"a": [1]}')`,
    );
    await sql(
      `begin; update account set visits = 1 where id = 3; update account set visits = 2, owner_id = 1 where id = 3; commit`,
    );
    await sql('delete from account where id = 3');
    const created = {
      name: 'Cy',
      visits: 0,
      secret: null,
      since: '2020-01-02T03:04:05.678Z',
      settings: { a: [1] },
      owner: null,
    };
    expect(await change('Account:3')).toEqual([
      ['create', null, created],
      ['update', { visits: 0, owner: null }, { visits: 2, owner: 1 }],
      ['delete', { ...created, visits: 2, owner: 1 }, null],
    ]);
    expect((await t.revisions()).map(({ id }) => id)).toEqual([1, 2, 3]);
  });

  it('is what rules of the database do along with it, too', async () => {
    await sql(`update account set owner_id = 2 where id = 1; insert into account_tags values (2, 7), (2, 8)`);
    await t.forget();
    await sql('delete from account where id = 2');
    expect(await change()).toEqual([['update', { owner: 2 }, { owner: null }]]);
    expect((await change('Account:2'))[0]![1]).toMatchObject({ name: 'Bob', tags: { added: [], removed: [7, 8] } });
  });

  it('is nothing if it comes to nothing, or is rolled back', async () => {
    await sql('begin; update account set visits = 1; update account set visits = 0; commit');
    await sql(`begin; insert into account (id, name) values (3, 'Cy'); delete from account where id = 3; commit`);
    await sql('begin; update account set visits = 1; rollback');
    await sql('begin; savepoint s; update account set visits = 1; rollback to s; commit');
    await sql('update account set visits = visits');
    expect(await t.revisions()).toEqual([]);
  });

  it('keeps a row that is deleted and made again one object, whether or not it has a history', async () => {
    const again = `begin; create temp table kept on commit drop as table account; delete from account;
      insert into account select * from kept; commit`;
    await sql(again);
    expect(await change()).toEqual([['update', {}, {}]]);
    await sql(again);
    expect(await change()).toHaveLength(1);
    await sql(
      again.replace(
        'table account;',
        `select id, name || '!' as name, visits, secret, since, settings, owner_id from account;`,
      ),
    );
    expect((await change()).slice(1)).toEqual([['update', { name: 'Ann' }, { name: 'Ann!' }]]);
  });

  it('is the end of one object and the beginning of another where it changes a key', async () => {
    await sql('update account set id = 9 where id = 2');
    const bob = { name: 'Bob', visits: 0, secret: null, since: null, settings: null, owner: null };
    expect(await change('Account:2')).toEqual([['delete', bob, null]]);
    expect(await change('Account:9')).toEqual([['create', null, bob]]);
  });

  it('D3: never shows a masked value, old or new', async () => {
    await sql(`update account set secret = 'new secret' where id = 1`);
    await sql(`update account set secret = null where id = 1`);
    await sql('delete from account where id = 1');
    expect(await change()).toEqual([
      ['update', { secret: '[FILTERED]' }, { secret: '[FILTERED]' }],
      ['update', { secret: '[FILTERED]' }, { secret: null }],
      ['delete', expect.objectContaining({ secret: null }), null],
    ]);
    expect(JSON.stringify(await sql('select * from revy_object_delta'))).not.toMatch(/(old|new) secret/);
  });

  it('has the actor and the reason that the session gives', async () => {
    await sql(`begin; set local revy.context = '{"actor_type": "Account", "actor_id": "2", "description": "import",
      "object_description": "row 7", "metadata": {"file": "a.csv"}}'; update account set visits = 3 where id = 1; commit`);
    expect(await t.revisions()).toEqual([
      { id: 1, description: 'import', actor: 'Account:2', metadata: { file: 'a.csv' } },
    ]);
    expect(await t.deltas()).toMatchObject([{ object: 'Account:1', actor: 'Account:2', description: 'row 7' }]);
    await sql('update account set visits = 4 where id = 1');
    expect((await t.revisions())[1]).toEqual({ id: 2, description: null, actor: null, metadata: null });
  });

  it('is left alone where the session says so', async () => {
    await sql(`begin; set local revy.tracking = 'off'; update account set visits = 3; commit`);
    expect(await t.deltas()).toEqual([]);
    await sql('update account set visits = 4 where id = 1');
    expect(await change()).toEqual([['update', { visits: 3 }, { visits: 4 }]]);
  });

  it('rebuilds like everything else, beyond the distance of two keyframes', async () => {
    for (let visits = 1; visits <= 20; visits++)
      await sql(`update account set visits = ${visits}, secret = 's' where id = 1`);
    const snapshots = new SnapshotService(t.orm.em.fork());
    for (const version of [1, 9, 10, 20]) {
      expect((await snapshots.at(Account, 1, { version }))!.entity).toMatchObject({ name: 'Ann', visits: version });
    }
    const states = await sql('select version, state from revy_object_delta where state is not null');
    expect(states[0]).toEqual({
      version: 9,
      state: { name: 'Ann', visits: 9, since: null, settings: null, owner: null },
    });
  });
});

describe('what this process writes past the unit of work', () => {
  const ANN = new SystemActor('cron');
  const inFrame = <R>(work: (em: EntityManager) => Promise<R>) =>
    RevisionContext.run({ actor: ANN, revisionDescription: 'nightly' }, () =>
      t.orm.em.fork().transactional(em => work(em as EntityManager)),
    );

  it.each<[string, (em: EntityManager) => Promise<unknown>]>([
    ['em.execute()', em => em.execute('update account set visits = 5 where id = 1')],
    [
      'the connection',
      em =>
        em.getConnection().execute('update account set visits = 5 where id = 1', [], 'run', em.getTransactionContext()),
    ],
    ['QueryBuilder', em => em.createQueryBuilder(Account).update({ visits: 5 }).where({ id: 1 }).execute()],
    [
      'Kysely',
      em =>
        (em.getKysely() as never as KyselyLike).updateTable('account').set({ visits: 5 }).where('id', '=', 1).execute(),
    ],
  ])('by %s has the context around it, and is not warned of', async (_, write) => {
    await inFrame(write);
    expect(await change()).toEqual([['update', { visits: 0 }, { visits: 5 }]]);
    expect(await t.revisions()).toEqual([{ id: 1, description: 'nightly', actor: 'system:cron', metadata: null }]);
    expect(warnings).toEqual([]);
  });

  it('joins the revision of the flush, which has recorded the rest', async () => {
    await inFrame(async em => {
      const ann = await em.findOneOrFail(Account, 1, { populate: ['tags'] });
      ann.name = 'Anna';
      ann.tags.add(em.getReference(Tag, 7));
      await em.flush();
      await RevisionContext.run({ actor: new SystemActor('other') }, async () => {
        await em.execute('update account set visits = 5');
        await em.execute('insert into account_tags values (1, 8), (2, 8)');
      });
    });
    expect(await t.deltas()).toMatchObject([
      {
        revision: 1,
        object: 'Account:1',
        old: { name: 'Ann' },
        new: { name: 'Anna', tags: { added: [7], removed: [] } },
        actor: 'system:cron',
      },
      {
        revision: 1,
        object: 'Account:1',
        old: { visits: 0 },
        new: { visits: 5, tags: { added: [8], removed: [] } },
        actor: 'system:other',
      },
      {
        revision: 1,
        object: 'Account:2',
        old: { visits: 0 },
        new: { visits: 5, tags: { added: [8], removed: [] } },
        actor: 'system:other',
      },
    ]);
  });

  it('begins what the flush has recorded where the row was before the transaction', async () => {
    await inFrame(async em => {
      await em.execute(`update account set name = 'Anna' where id = 1`);
      (await em.findOneOrFail(Account, 1)).name = 'Anne';
    });
    expect(await change()).toEqual([['update', { name: 'Ann' }, { name: 'Anne' }]]);
  });

  it('keeps the versions without a gap where a flush comes to nothing', async () => {
    await t.database.query(`update account set visits = 1 where id = 1`);
    await inFrame(async em => {
      await em.execute('insert into account_tags values (1, 7)');
      await em.execute(`update account set name = 'Anna' where id = 1`);
      (await em.findOneOrFail(Account, 1)).name = 'Ann';
    });
    const versions = await sql('select version, new_values as new from revy_object_delta order by id');
    expect(versions).toEqual([
      { version: 1, new: { visits: 1 } },
      { version: 2, new: { tags: { added: [7], removed: [] } } },
    ]);
  });

  it('outside a transaction is warned of where it has a context, and recorded without it', async () => {
    await RevisionContext.run({ actor: ANN }, () =>
      t.orm.em.fork().execute('update account set visits = 5 where id = 1'),
    );
    expect(await t.deltas()).toMatchObject([{ actor: null, new: { visits: 5 } }]);
    expect(warnings.map(one => one.replace(/ at .*?: its/, ' at here: its'))).toEqual([
      'Without its context: UPDATE by em.execute() on Account (table "account") at here: its trigger records it without ' +
        'the context, because a context reaches the database with a transaction. Run it in em.transactional().',
    ]);
    await t.orm.em.fork().execute('update account set visits = 6 where id = 1');
    expect(warnings).toHaveLength(1);
  });

  it('is warned of where a trigger does not see it', async () => {
    await t.orm.em.fork().execute('truncate account, account_tags');
    expect(warnings[0]).toMatch(/^Unrecorded: TRUNCATE by em\.execute\(\) on Account/);
    expect(await t.deltas()).toEqual([]);
  });
});

describe('tracking that is disabled', () => {
  it.each<[string, (em: EntityManager) => Promise<unknown>]>([
    ['a flush', async em => Object.assign(await em.findOneOrFail(Account, 1), { visits: 5 }) && em.flush()],
    ['a native call', em => em.nativeUpdate(Account, 1, { visits: 5 })],
    [
      'SQL in a transaction',
      em => em.transactional(inner => inner.execute('update account set visits = 5 where id = 1')),
    ],
    [
      'a flush in a transaction',
      em => em.transactional(async inner => void ((await inner.findOneOrFail(Account, 1)).visits = 5)),
    ],
  ])('keeps the triggers from recording %s', async (_, write) => {
    await RevisionContext.runDisabled(() => write(t.orm.em.fork() as EntityManager));
    expect(await sql('select visits from account where id = 1')).toEqual([{ visits: 5 }]);
    expect(await t.deltas()).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it('inside a transaction goes for all that the triggers see of it', async () => {
    await t.orm.em.fork().transactional(async em => {
      await em.execute('update account set visits = 5 where id = 2');
      await RevisionContext.runDisabled(() => em.nativeUpdate(Account, 1, { visits: 5 }));
    });
    expect(await t.deltas()).toEqual([]);
  });
});

interface KyselyLike {
  updateTable(table: string): KyselyLike;
  set(values: object): KyselyLike;
  where(column: string, operator: string, value: unknown): KyselyLike;
  execute(): Promise<unknown>;
}
