import { defineEntity, p } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import { revy, SnapshotService } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';

class Account {
  id!: number;
  owner!: string;
  limit!: number | null;
  notes!: string | null;
  token!: string | null;
  cache!: string | null;
}

const properties = () => ({
  id: p.integer().primary().autoincrement(),
  owner: p.string(),
  limit: p.integer().nullable(),
  notes: p.text().lazy().nullable(),
  token: p.string().nullable(),
  cache: p.string().nullable(),
});

const AccountSchema = defineEntity({
  class: Account,
  revy: { mask: ['token'], exclude: ['cache'] },
  properties: properties(),
});

describe('keyframes', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm([AccountSchema], { revy: { keyframeEvery: 3 } });
  });
  afterAll(() => test.close());

  const keyframes = async (id: number) =>
    Object.fromEntries(
      (
        await test.database.query<{ version: number; state: object }>(
          'select version, state from revy_object_delta where object_id = $1 and state is not null order by id',
          [String(id)],
        )
      ).map(({ version, state }) => [version, state]),
    );

  async function create(values: object): Promise<number> {
    const em = test.orm.em.fork();
    const account = em.create(Account, { limit: null, notes: null, token: null, cache: null, ...values } as never);
    await em.flush();
    return account.id;
  }

  it('hold the full state, also where the entity was loaded in part', async () => {
    const id = await create({ owner: 'Ann', notes: 'long', limit: 1 });
    for (let n = 2; n <= 7; n++) {
      const em = test.orm.em.fork();
      const account = await em.findOneOrFail(Account, id, { fields: ['limit'] });
      account.limit = n;
      await em.flush();
    }
    expect(await keyframes(id)).toEqual({
      4: { owner: 'Ann', notes: 'long', limit: 4 },
      7: { owner: 'Ann', notes: 'long', limit: 7 },
    });
    const { entity, unknown } = (await new SnapshotService(test.orm.em.fork()).at(Account, id, { version: 5 }))!;
    expect(entity).toMatchObject({ owner: 'Ann', limit: 5 });
    expect(unknown).toEqual(['token', 'cache']);
  });

  it('make a rebuild read as few deltas of a long history as of a short one', async () => {
    const lives = [await create({ owner: 'short' }), await create({ owner: 'long' })];
    for (const [index, count] of [20, 400].entries()) {
      for (let n = 2; n <= count; n++) {
        const em = test.orm.em.fork();
        em.assign(await em.findOneOrFail(Account, lives[index]!), { limit: n });
        await em.flush();
      }
    }
    await test.database.query('analyze revy_object_delta');
    const read = (id: number, version: number) =>
      test.orm.em.fork().transactional(async em => {
        const fetched = async () => {
          const [row] = await em.execute<{ n: number }[]>(
            `select (seq_tup_read + idx_tup_fetch)::int as n from pg_stat_xact_user_tables
             where relname = 'revy_object_delta'`,
          );
          return row!.n;
        };
        const before = await fetched();
        const { entity } = (await new SnapshotService(em).at(Account, id, { version }))!;
        expect(entity.limit).toBe(version);
        return (await fetched()) - before;
      });
    const [short, long] = [await read(lives[0]!, 11), await read(lives[1]!, 11)];
    expect(short).toBeLessThan(40);
    expect(long).toBeLessThan(short + 20);
    expect(await read(lives[1]!, 206)).toBeLessThan(short + 20);
    expect(await read(lives[1]!, 400)).toBeLessThan(short + 20);
  }, 60_000);

  it('hold of an object older than its history what its deltas told, and snapshots know the rest', async () => {
    await test.database.query(`insert into account (id, owner, "limit", notes) values (900, 'Old', 0, 'n')`);
    for (let n = 1; n <= 4; n++) {
      const em = test.orm.em.fork();
      (await em.findOneOrFail(Account, 900)).limit = n;
      await em.flush();
    }
    expect(await keyframes(900)).toEqual({ 4: { limit: 4 } });
    const { entity } = (await new SnapshotService(test.orm.em.fork()).at(Account, 900, { version: 4 }))!;
    expect(entity).toMatchObject({ owner: 'Old', limit: 4 });
  });

  it('never hold what is masked or excluded, not even what was recorded before it was', async () => {
    const Plain = defineEntity({ name: 'Account', tableName: 'account', properties: properties() });
    const open = (entity: object) =>
      MikroORM.init({
        clientUrl: test.database.url,
        entities: [entity as never],
        extensions: [revy({ keyframeEvery: 3 })],
      });
    const before = await open(Plain);
    const em = before.em.fork();
    const account = em.create(Plain, { owner: 'Eve', token: 'SECRET-1', cache: 'SECRET-2' } as never) as Account;
    await em.flush();
    await before.close(true);
    // from here on they are masked and excluded; the mask replaces the value in the deltas
    for (let n = 2; n <= 8; n++) {
      const later = test.orm.em.fork();
      const loaded = await later.findOneOrFail(Account, account.id);
      loaded.limit = n;
      if (n === 5) loaded.token = 'SECRET-3';
      if (n === 6) loaded.cache = 'SECRET-4';
      await later.flush();
    }
    expect(await keyframes(account.id)).toEqual({
      4: { owner: 'Eve', notes: null, limit: 4 },
      7: { owner: 'Eve', notes: null, limit: 7 },
    });
    const [stored] = await test.database.query<{ text: string }>(
      `select string_agg(to_jsonb(d)::text, ' ') as text from revy_object_delta d where object_id = $1 and version > 1`,
      [String(account.id)],
    );
    expect(stored!.text).not.toContain('SECRET');
    expect(stored!.text).toContain('[FILTERED]');
    const { unknown, reasons } = (await new SnapshotService(test.orm.em.fork()).at(Account, account.id))!;
    expect([unknown, reasons]).toEqual([['token', 'cache'], { token: 'masked', cache: 'untracked' }]);
  });

  it('never hold it under a former name either', async () => {
    const first = await MikroORM.init({
      clientUrl: test.database.url,
      entities: [
        defineEntity({
          name: 'Card',
          properties: { id: p.integer().primary(), pin: p.string(), memo: p.string(), uses: p.integer() },
        }),
      ],
      extensions: [revy({ keyframeEvery: 2 })],
    });
    await first.schema.update({ safe: true });
    const em = first.em.fork();
    em.create('Card' as never, { id: 1, pin: 'SECRET-5', memo: 'SECRET-6', uses: 0 } as never);
    await em.flush();
    await first.close(true);
    await test.database.query('alter table card rename column pin to code');
    await test.database.query('alter table card rename column memo to hint');
    const Card = defineEntity({
      name: 'Card',
      revy: { mask: ['code'], exclude: ['hint'], formerly: { code: 'pin', hint: 'memo' } },
      properties: { id: p.integer().primary(), code: p.string(), hint: p.string(), uses: p.integer() },
    });
    const second = await MikroORM.init({
      clientUrl: test.database.url,
      entities: [Card],
      extensions: [revy({ keyframeEvery: 2 })],
    });
    for (let n = 1; n <= 4; n++) {
      const later = second.em.fork();
      (await later.findOneOrFail(Card, 1)).uses = n;
      await later.flush();
    }
    const states = await test.database.query<{ state: object }>(
      `select state from revy_object_delta where object_type = 'Card' and state is not null order by id`,
    );
    expect(states.map(({ state }) => state)).toEqual([{ uses: 2 }, { uses: 4 }]);
    await second.close(true);
  });
});
