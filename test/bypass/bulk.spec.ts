import { defineEntity, p, raw } from '@mikro-orm/core';
import { HistoryService, RevisionContext } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';

const Row = defineEntity({
  name: 'Row',
  properties: {
    id: p.integer().primary().autoincrement(),
    name: p.string(),
    amount: p.integer(),
    parent: p.integer().nullable(),
  },
});

let t: TestOrm;
let statements: string[] = [];

beforeAll(async () => {
  t = await createOrm([Row]);
  const logger = t.orm.config.getLogger();
  logger.logQuery = ({ query }) => void statements.push(query!);
});

afterAll(async () => t.close());

beforeEach(async () => {
  await t.database.query('truncate "row" restart identity');
  await t.forget();
});

async function fill(count: number): Promise<void> {
  await t.database.query(`insert into "row" (name, amount) select 'row ' || i, i from generate_series(1, ${count}) i`);
}

async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
  statements = [];
  await work();
  return statements.map(statement => statement.split(' ')[0]!);
}

/** Totals, because ten thousand rows are too many to look at. */
async function recorded(): Promise<object> {
  const [row] = await t.database.query<object>(`
    select count(*)::int as deltas, count(distinct object_id)::int as objects,
           count(distinct revision_id)::int as revisions, string_agg(distinct action, ' ') as actions,
           sum((old_values->>'amount')::int)::int as old, sum((new_values->>'amount')::int)::int as new,
           count(state)::int as keyframes
    from revy_object_delta`);
  return row!;
}

describe('a native call on 10,000 rows', () => {
  it('P2: needs as many statements as on 10', async () => {
    await fill(10_000);
    const em = t.orm.em.fork();
    const few = await statementsOf(async () =>
      em.nativeUpdate(Row, { id: { $lte: 10 } }, { amount: raw('amount + 1') }),
    );
    const many = await statementsOf(async () => em.nativeUpdate(Row, {}, { amount: raw('amount + 1') }));
    expect(few).toEqual(['begin', 'select', 'update', 'select', 'commit']);
    expect(many).toEqual(few);
    expect(await statementsOf(async () => em.nativeDelete(Row, {}))).toEqual(['begin', 'select', 'delete', 'commit']);
  });

  it('records each with the values before and after', async () => {
    await fill(10_000);
    const sum = (10_000 * 10_001) / 2;
    await t.orm.em.fork().nativeUpdate(Row, {}, { amount: raw('amount * 2') });
    expect(await recorded()).toEqual({
      deltas: 10_000,
      objects: 10_000,
      revisions: 1,
      actions: 'update',
      old: sum,
      new: 2 * sum,
      keyframes: 0,
    });
  });

  it('keeps a keyframe where one is due', async () => {
    const rows = Array.from({ length: 1_000 }, (_, i) => ({ name: `row ${i}`, amount: i }));
    const em = t.orm.em.fork();
    await em.insertMany(Row, rows);
    for (let version = 2; version <= 9; version++) await em.nativeUpdate(Row, {}, { amount: raw('amount + 1') });
    const states = await t.database.query(`select version, state from revy_object_delta
      where state is not null and object_id = '7' order by id`);
    expect(states).toEqual([{ version: 9, state: { name: 'row 6', amount: 14, parent: null } }]);
    expect(await recorded()).toMatchObject({ deltas: 9_000, objects: 1_000, keyframes: 1_000 });
  });
});

describe('a native call on more rows than are held at a time', () => {
  it('updates and records them in chunks, in one revision', async () => {
    await fill(25_000);
    const em = t.orm.em.fork();
    const affected = { rows: 0 };
    const run = await statementsOf(async () => {
      affected.rows = await em.nativeUpdate(Row, { amount: { $gt: 0 } }, { amount: raw('-amount') });
    });
    expect(affected).toEqual({ rows: 25_000 });
    expect(run.filter(statement => statement === 'update')).toHaveLength(3);
    const sum = (25_000 * 25_001) / 2;
    expect(await recorded()).toEqual({
      deltas: 25_000,
      objects: 25_000,
      revisions: 1,
      actions: 'update',
      old: sum,
      new: -sum,
      keyframes: 0,
    });
  });

  it('updates them at once where an expression may read other rows', async () => {
    await fill(12_000);
    const em = t.orm.em.fork();
    const amount = raw('(select sum(amount) from "row")');
    const run = await statementsOf(async () => em.nativeUpdate(Row, {}, { amount }));
    expect(run.filter(statement => statement === 'update')).toHaveLength(1);
    const sum = (12_000 * 12_001) / 2;
    expect(await t.database.query('select distinct amount from "row"')).toEqual([{ amount: sum }]);
    expect(
      await t.database.query("select distinct (new_values->>'amount')::int as amount from revy_object_delta"),
    ).toEqual([{ amount: sum }]);
  });

  it('deletes them at once, because rows may hold each other', async () => {
    await fill(12_000);
    await t.database.query('alter table "row" add constraint held foreign key (parent) references "row" (id)');
    await t.database.query('update "row" set parent = 12001 - id');
    try {
      await t.orm.em.fork().nativeDelete(Row, {});
    } finally {
      await t.database.query('alter table "row" drop constraint held');
    }
    expect(await recorded()).toMatchObject({ deltas: 12_000, actions: 'delete', revisions: 1 });
    expect(await t.database.query('select * from "row"')).toEqual([]);
  });

  it('refuses, and keeps everything, where a trigger keeps rows in', async () => {
    await fill(12_000);
    await t.database.query(`create function keep() returns trigger language plpgsql as
      $$ begin if old.id = 1 then return null; end if; return old; end $$`);
    await t.database.query('create trigger keep before delete on "row" for each row execute function keep()');
    try {
      await expect(t.orm.em.fork().nativeDelete(Row, {})).rejects.toThrow(
        'Cannot run em.nativeDelete() on Row: the database kept 1 of the rows, and the history has recorded all of ' +
          'them as deleted. Delete fewer than 10,000 rows in one call, so that what the database kept can be told apart.',
      );
    } finally {
      await t.database.query('drop trigger keep on "row"');
    }
    expect(await t.database.query('select count(*)::int from "row"')).toEqual([{ count: 12_000 }]);
    expect(await recorded()).toMatchObject({ deltas: 0 });
  });

  it('is forgotten with its savepoint, and what came before it is not', async () => {
    await fill(22_000);
    await t.orm.em.fork().transactional(async em => {
      await em.nativeUpdate(Row, { id: 1 }, { name: 'before' });
      await em
        .transactional(async inner => {
          await inner.nativeUpdate(Row, {}, { amount: 0 });
          throw new Error('back');
        })
        .catch(() => {});
      await em.nativeUpdate(Row, { id: 1 }, { amount: -1 });
    });
    expect((await t.deltas()).map(({ object, old, new: now }) => ({ object, old, now }))).toEqual([
      { object: 'Row:1', old: { name: 'row 1', amount: 1 }, now: { name: 'before', amount: -1 } },
    ]);
    expect(await t.revisions()).toHaveLength(1);
  });

  it('is one revision with what the transaction does before and after it', async () => {
    await fill(22_000);
    await RevisionContext.run({ revisionDescription: 'all' }, async () =>
      t.orm.em.fork().transactional(async em => {
        await em.nativeUpdate(Row, { id: 1 }, { name: 'before' });
        await em.nativeUpdate(Row, {}, { amount: 0 });
        const one = await em.findOneOrFail(Row, 1);
        one.name = 'after';
      }),
    );
    expect(await t.revisions()).toEqual([{ id: 1, description: 'all', actor: null, metadata: null }]);
    const ofOne = (await t.deltas()).filter(({ object }) => object === 'Row:1');
    expect(ofOne.map(({ old, new: now }) => ({ old, now }))).toEqual([
      // what was written for good with the first 20,000 is not merged with what follows
      { old: { name: 'row 1' }, now: { name: 'before' } },
      { old: { name: 'before', amount: 1 }, now: { name: 'after', amount: 0 } },
    ]);
  });

  it('stays as it is when what follows it is written, taken back and written again', async () => {
    await fill(24_000);
    await t.orm.em.fork().transactional(async em => {
      const history = new HistoryService(em);
      const read = async () => history.deltas(Row, 1);
      await em.nativeUpdate(Row, {}, { amount: 0 });
      await em.nativeUpdate(Row, { id: 1 }, { name: 'there' });
      await read();
      await em.nativeUpdate(Row, { id: 1 }, { name: 'row 1' });
      expect(await read()).toHaveLength(1);
      await em.nativeUpdate(Row, { id: 1 }, { name: 'for good' });
      expect(await read()).toHaveLength(2);
      await em.nativeUpdate(Row, { id: 1 }, { name: 'row 1' });
    });
    expect(await recorded()).toMatchObject({ deltas: 24_000, objects: 24_000, revisions: 1 });
    expect(await t.revisions()).toHaveLength(1);
  });

  it('inserts and records them in one revision', async () => {
    const rows = Array.from({ length: 12_000 }, (_, i) => ({ name: `row ${i}`, amount: i }));
    await t.orm.em.fork().insertMany(Row, rows);
    expect(await recorded()).toMatchObject({ deltas: 12_000, objects: 12_000, revisions: 1, actions: 'create' });
  });
});
