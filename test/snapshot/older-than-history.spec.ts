import { defineEntity, p } from '@mikro-orm/core';
import { PointBeforeHistoryError, RevisionContext, SnapshotService } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

class Account {
  id!: number;
  owner!: string;
  balance!: string;
  limit!: number | null;
  opened!: Date;
  notes!: unknown;
  token!: string | null;
  cache!: string | null;
}

const AccountSchema = defineEntity({
  class: Account,
  revy: { mask: ['token'], exclude: ['cache'] },
  properties: {
    id: p.integer().primary().autoincrement(),
    owner: p.string(),
    balance: p.decimal('string').precision(12).scale(2),
    limit: p.integer().nullable(),
    opened: p.datetime(),
    notes: p.json().nullable(),
    token: p.string().nullable(),
    cache: p.string().nullable(),
  },
});

describe('an object older than its history', () => {
  const OPENED = new Date('2001-02-03T04:05:06.000Z');
  let test: TestOrm;
  let snapshots: SnapshotService;
  beforeAll(async () => {
    test = await createOrm([AccountSchema]);
    snapshots = new SnapshotService(test.orm.em.fork());
  });
  afterAll(() => test.close());
  beforeEach(async () => {
    await test.forget();
    await test.database.query('truncate account');
    await test.database.query(
      `insert into account (id, owner, balance, "limit", opened, notes, token, cache)
       values (1, 'Ann', 10.50, null, $1, '{"a": [1]}', 'secret', 'c1'), (2, 'Bob', 0, 0, $1, null, null, null)`,
      [OPENED],
    );
  });

  async function change(values: Partial<Account>, key = 1): Promise<void> {
    const em = test.orm.em.fork();
    Object.assign(await em.findOneOrFail(Account, key), values);
    await em.flush();
  }

  it('N2, S3: shows at version 0 what the row was when tracking found it, untouched columns included', async () => {
    await change({ owner: 'Anne' });
    await change({ owner: 'Anna', balance: '11.00', limit: 5 });
    await change({ notes: null });
    const before = await snapshots.at(Account, 1, { before: 1 });
    expect(before!.entity).toMatchObject({ id: 1, owner: 'Ann', balance: '10.50', limit: null, opened: OPENED });
    expect(before!.entity.notes).toEqual({ a: [1] });
    expect(before).toMatchObject({ version: 0, revision: null, isDeleted: false, isLive: false });
    const first = await snapshots.at(Account, 1, { version: 1 });
    expect(first!.entity).toMatchObject({ owner: 'Anne', balance: '10.50', limit: null, opened: OPENED });
    const second = await snapshots.at(Account, 1, { version: 2 });
    expect(second!.entity).toMatchObject({ owner: 'Anna', balance: '11.00', limit: 5, notes: { a: [1] } });
    const third = await snapshots.at(Account, 1, { version: 3 });
    expect(third!.entity).toMatchObject({ owner: 'Anna', balance: '11.00', limit: 5, notes: null });
    expect(third!.isLive).toBe(true);
  });

  it('takes three statements at most', async () => {
    await change({ owner: 'Anne' });
    for (const point of [{ before: 1 }, { version: 1 }]) {
      expect((await statementsOf(() => snapshots.at(Account, 1, point))).length).toBeLessThanOrEqual(3);
    }
  });

  it('lists what is masked or excluded as unknown, never as null and never as the mask', async () => {
    await change({ token: 'other', cache: 'c2', owner: 'Anne' });
    for (const point of [{ before: 1 }, { version: 1 }, { revision: 1 }]) {
      const { entity, unknown } = (await snapshots.at(Account, 1, point))!;
      expect([...unknown].sort()).toEqual(['cache', 'token']);
      expect([entity.token, entity.cache]).toEqual([undefined, undefined]);
    }
  });

  it('D3: masked values reach the history neither as old nor as new ones, nor in keyframes', async () => {
    for (let n = 1; n <= 20; n++) await change({ token: `secret ${n}`, limit: n });
    const [stored] = await test.database.query<{ text: string; keyframes: number }>(
      'select string_agg(to_jsonb(d)::text, chr(10)) as text, count(state)::int as keyframes from revy_object_delta d',
    );
    expect(stored!.keyframes).toBe(2);
    expect(stored!.text).not.toMatch(/secret/);
    expect(stored!.text).toMatch(/"token": "\[FILTERED\]"/);
  });

  it('stays right through keyframes', async () => {
    for (let n = 1; n <= 20; n++) await change({ limit: n });
    await change({ balance: '99.99' });
    for (let n = 1; n <= 20; n++) {
      const { entity, unknown } = (await snapshots.at(Account, 1, { version: n }))!;
      expect(entity).toMatchObject({ owner: 'Ann', balance: '10.50', limit: n, opened: OPENED, notes: { a: [1] } });
      expect([...unknown].sort()).toEqual(['cache', 'token']);
    }
  });

  it('is right after it was deleted: the delete remembers what no update touched', async () => {
    await change({ owner: 'Anne' });
    const em = test.orm.em.fork();
    await em.remove(await em.findOneOrFail(Account, 1)).flush();
    expect((await snapshots.at(Account, 1, { before: 1 }))!.entity).toMatchObject({ owner: 'Ann', balance: '10.50' });
    expect((await snapshots.at(Account, 1, { version: 1 }))!.entity).toMatchObject({
      owner: 'Anne',
      balance: '10.50',
      limit: null,
      opened: OPENED,
      notes: { a: [1] },
    });
    expect(await snapshots.at(Account, 1, { version: 2 })).toBeNull();
    const deleted = await snapshots.at(Account, 1, { version: 2 }, { includeDeleted: true });
    expect(deleted!.entity).toMatchObject({ owner: 'Anne', balance: '10.50', limit: null, opened: OPENED });
  });

  it('is right when its first recorded change is its deletion', async () => {
    const em = test.orm.em.fork();
    await em.remove(em.getReference(Account, 1)).flush();
    const before = await snapshots.at(Account, 1, { before: 1 });
    expect(before!.entity).toMatchObject({ owner: 'Ann', balance: '10.50', limit: null, opened: OPENED });
    expect(before).toMatchObject({ version: 0, isDeleted: false, isLive: false });
  });

  it('is not mixed up with another row that took its key later', async () => {
    await change({ owner: 'Anne' });
    const em = test.orm.em.fork();
    await em.remove(await em.findOneOrFail(Account, 1)).flush();
    em.create(Account, {
      id: 1,
      owner: 'Zoe',
      balance: '7.00',
      limit: 7,
      opened: new Date(),
      notes: 7,
      token: null,
      cache: null,
    });
    await em.flush();
    expect((await snapshots.at(Account, 1, { version: 1 }))!.entity).toMatchObject({
      owner: 'Anne',
      balance: '10.50',
      limit: null,
    });
    expect((await snapshots.at(Account, 1, { before: 1 }))!.entity).toMatchObject({
      owner: 'Ann',
      balance: '10.50',
      limit: null,
    });
    expect((await snapshots.at(Account, 1, { version: 3 }))!.entity).toMatchObject({
      owner: 'Zoe',
      balance: '7.00',
      limit: 7,
    });
  });

  it('is not mixed up with it either when the row went away unseen: what nobody knows is unknown', async () => {
    await change({ owner: 'Anne' });
    await test.database.query('delete from account where id = 1');
    const em = test.orm.em.fork();
    em.create(Account, {
      id: 1,
      owner: 'Zoe',
      balance: '7.00',
      limit: 7,
      opened: new Date(),
      notes: 7,
      token: null,
      cache: null,
    });
    await em.flush();
    const { entity, unknown } = (await snapshots.at(Account, 1, { version: 1 }))!;
    expect(entity.owner).toBe('Anne');
    expect([entity.balance, entity.limit, entity.notes]).toEqual([undefined, undefined, undefined]);
    expect([...unknown].sort()).toEqual(['balance', 'cache', 'limit', 'notes', 'opened', 'token']);
  });

  it('I4: cannot be told before tracking began', async () => {
    await change({ owner: 'Anne' });
    const early = new Date('2001-01-01T00:00:00Z');
    const failure = await snapshots.at(Account, 1, early).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PointBeforeHistoryError);
    const [{ at }] = (await test.database.query<{ at: Date }>('select recorded_at as at from revy_revision')) as [
      { at: Date },
    ];
    expect(failure).toMatchObject({ entityName: 'Account', objectId: '1', since: at });
    // tracking has begun, and the object had not been changed yet: its state is known
    const other = await snapshots.at(Account, 2, new Date());
    expect(other).toMatchObject({ version: 0, entity: { owner: 'Bob', balance: '0.00', limit: 0, notes: null } });
  });

  it('H4: after changes that were not recorded, the next delta starts from what the row really was', async () => {
    await change({ limit: 1 });
    await RevisionContext.runDisabled(() => change({ limit: 2 }));
    await change({ limit: 3 });
    expect(await test.deltas()).toMatchObject([
      { old: { limit: null }, new: { limit: 1 } },
      { old: { limit: 2 }, new: { limit: 3 } },
    ]);
  });
});
