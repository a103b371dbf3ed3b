import { defineEntity, p } from '@mikro-orm/core';
import { SnapshotService } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';

class Reading {
  id!: number;
  price!: string;
  ratio!: number;
  at!: Date;
  exact!: Date;
  code!: string;
  time!: string;
  note!: string;
  lock!: number;
}

const ReadingSchema = defineEntity({
  class: Reading,
  properties: {
    id: p.integer().primary().autoincrement(),
    price: p.decimal().precision(8).scale(2),
    ratio: p.float(),
    at: p.datetime(0),
    exact: p.datetime(6),
    code: p.character().length(4),
    time: p.time(0),
    note: p.text(),
    lock: p.integer().version(),
  },
});

let test: TestOrm;
beforeAll(async () => {
  test = await createOrm([ReadingSchema]);
});
afterAll(() => test.close());
beforeEach(() => test.forget());

async function create(values: Partial<Reading> = {}): Promise<number> {
  const em = test.orm.em.fork();
  const at = new Date('2026-01-01T10:00:00.700Z');
  const given = { price: '1.005', ratio: 1 / 3, at, exact: at, code: 'ab', time: '10:00:00.6', note: 'n', ...values };
  const reading = em.create(Reading, given as never);
  await em.flush();
  return (reading as Reading).id;
}

it('values are recorded as their columns store them: rounded, padded', async () => {
  await create();
  expect((await test.deltas())[0]!.new).toMatchObject({
    price: '1.01',
    ratio: 0.33333334,
    at: '2026-01-01T10:00:01.000Z',
    code: 'ab  ',
  });
  const [row] = await test.database.query(
    'select price::text, ratio::text, at, code from reading order by id desc limit 1',
  );
  expect(row).toEqual({
    price: '1.01',
    ratio: '0.33333334',
    at: new Date('2026-01-01T10:00:01.000Z'),
    code: 'ab  ',
  });
});

it('a time with a fraction is recorded as it was set, also where the column rounds it', async () => {
  await create();
  expect((await test.deltas())[0]!.new).toMatchObject({ time: '10:00:00.6' });
  expect(await test.database.query('select time::text from reading order by id desc limit 1')).toEqual([
    { time: '10:00:01' },
  ]);
});

it('the version column of optimistic locking is not recorded, and unknown in snapshots', async () => {
  const id = await create();
  expect((await test.deltas())[0]!.new).not.toHaveProperty('lock');
  const snapshot = await new SnapshotService(test.orm.em.fork()).at(Reading, id, new Date());
  expect(snapshot!.unknown).toEqual(['lock']);
});

it('microseconds of a row that another program wrote are cut to milliseconds', async () => {
  const id = await create();
  await test.database.query(`update reading set exact = '2026-01-01T10:00:00.123456Z' where id = ${id}`);
  const em = test.orm.em.fork();
  await em.remove(await em.findOneOrFail(Reading, id)).flush();
  expect((await test.deltas())[1]!.old).toMatchObject({ exact: '2026-01-01T10:00:00.123Z' });
});

it('a lone surrogate becomes U+FFFD', async () => {
  await create({ note: 'a\ud800b' });
  expect((await test.deltas())[0]!.new).toMatchObject({ note: 'a\ufffdb' });
});

it('a loaded date that is changed in place is no change to the ORM, and stands for the old value later', async () => {
  const id = await create({ at: new Date(0) });
  await test.forget();
  const em = test.orm.em.fork();
  const reading = await em.findOneOrFail(Reading, id);
  reading.at.setTime(7000);
  await em.flush();
  expect(await test.deltas()).toEqual([]);
  expect(await test.database.query('select at from reading where id = $1', [id])).toEqual([{ at: new Date(0) }]);
  reading.at = new Date(9000);
  await em.flush();
  const [from, to] = ['1970-01-01T00:00:07.000Z', '1970-01-01T00:00:09.000Z'];
  expect(await test.deltas()).toMatchObject([{ old: { at: from }, new: { at: to } }]);
});
