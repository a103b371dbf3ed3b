import { defineEntity, p } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { SnapshotService } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';

// What was stored of an attribute may not fit the type that it has now: that one is unknown, and all else is read.

enum Mood {
  Good = 'good',
  Bad = 'bad',
}

const properties = {
  integer: p.integer().nullable(),
  small: p.smallint().nullable(),
  big: p.bigint().nullable(),
  double: p.double().nullable(),
  real: p.float().nullable(),
  decimal: p.decimal().precision(5).scale(2).nullable(),
  numeric: p.decimal().columnType('numeric').nullable(),
  boolean: p.boolean().nullable(),
  uuid: p.uuid().nullable(),
  date: p.date().nullable(),
  time: p.datetime().nullable(),
  blob: p.blob().nullable(),
  text: p.text().nullable(),
  mood: p
    .enum(() => Mood)
    .nativeEnumName('mood')
    .nullable(),
  numbers: p
    .array((value: string) => Number(value))
    .columnType('int[]')
    .nullable(),
  json: p.json<unknown>().nullable(),
};
const Thing = defineEntity({
  name: 'Thing',
  properties: { id: p.integer().primary(), ...properties, other: () => p.manyToOne(Thing).nullable() },
});
type Name = keyof typeof properties | 'other';
const NAMES = [...Object.keys(properties), 'other'] as Name[];

/** Stored values that each attribute can be read from, or cannot. */
const FITTING: Partial<Record<Name, unknown[]>> = {
  integer: [5, -5, '12', null, 2147483647, 1e3],
  small: [5, '-32768', null],
  big: ['9007199254740993', 5, null],
  double: [1.5, '1.5', 'NaN', '-Infinity', '1e3', null],
  real: [1.5, '2', null],
  decimal: ['123.45', '1', 12.5, null],
  numeric: ['123456.789', 1, null],
  boolean: [true, false, 'true', '0', 1, null],
  uuid: ['0e37df36-f698-11e6-8dd4-cb9ced3df976', null],
  date: ['2026-11-22', null],
  time: ['2026-11-22T10:00:00.000Z', null],
  blob: ['aGVsbG8=', '', null],
  text: ['any', 5, true, null],
  mood: ['good', null],
  numbers: [[1, 2], [], null],
  json: ['any', { a: [1] }, 5, null],
  other: [1, '1', null],
};
const UNFIT: Partial<Record<Name, unknown[]>> = {
  integer: ['many', '', {}, [1], true, '12 apples'],
  small: ['many', [], 'x'],
  big: ['many', '1.5', {}],
  double: ['much', '', {}, false],
  real: ['much', '1,5'],
  decimal: ['much', '', []],
  numeric: ['much', {}],
  boolean: ['perhaps', 5, {}],
  time: ['later', [], 5],
  blob: ['not base 64!', 'abc', 5],
  text: [{ a: 1 }, ['b']],
  numbers: ['1,2', {}, 5],
};
/** The column has no room for what JavaScript can read. */
const NO_ROOM: Partial<Record<Name, unknown[]>> = {
  integer: [1.5, 2147483648, '9007199254740993', 'Infinity'],
  small: [32768],
  big: ['9223372036854775808'],
  decimal: ['12345.67'],
  uuid: ['none', 5],
  date: ['someday', {}, 5, 'November 22, 2026'],
  mood: ['so-so'],
  numbers: [['one'], [1, 2.5]],
  other: ['none', { id: 1 }],
};

let test: TestOrm;
beforeAll(async () => {
  test = await createOrm([Thing] as never);
});
afterAll(() => test.close());

/** A thing that was first recorded with a stored value, and has had none since; and one that has been deleted with it. */
async function recorded(name: Name, stored: unknown): Promise<void> {
  await test.database.query('truncate thing');
  await test.forget();
  const em = test.orm.em.fork();
  const [kept, gone] = [1, 2].map(id => em.create(Thing, { id, text: 'as it was', json: null }));
  await em.flush();
  kept!.text = 'later';
  em.remove(gone!);
  await em.flush();
  const values = JSON.stringify({ [name]: stored });
  await test.database.query(
    `update revy_object_delta set new_values = new_values || $1 where new_values is not null and revision_id = 1`,
    [values],
  );
  await test.database.query(`update revy_object_delta set old_values = old_values || $1 where action = 'delete'`, [
    values,
  ]);
}

/** What both ways say of the two things: what is unknown, and the value. */
async function readByBoth(name: Name) {
  const snapshots = () => new SnapshotService(test.orm.em.fork() as SqlEntityManager);
  const valueOf = (thing: Record<string, unknown>) => (thing[name] as { id?: number } | null)?.id ?? thing[name];
  const asOf = await snapshots().asOf({ revision: 1 }, async em => {
    const rows = await em.execute<{ revy_unknown: string[] | null }[]>('select *, revy_unknown from thing order by id');
    const things = await em.find(Thing, {}, { orderBy: { id: 1 } });
    return things.map((thing, index) => [rows[index]!.revy_unknown ?? [], valueOf(thing)]);
  });
  const at = await Promise.all([1, 2].map(id => snapshots().at(Thing, id, { revision: 1 })));
  return { asOf, at: at.map(snapshot => [snapshot!.unknown, valueOf(snapshot!.entity)]) };
}

const cases = (of: Partial<Record<Name, unknown[]>>) =>
  NAMES.flatMap(name => (of[name] ?? []).map(value => [name, JSON.stringify(value), value] as const));

it.each(cases(FITTING))('%s is read from %s', async (name, _, stored) => {
  await recorded(name, stored);
  const { asOf, at } = await readByBoth(name);
  expect(asOf).toEqual(at);
  expect(asOf.map(([unknown]) => unknown)).toEqual([[], []]);
});

it.each(cases(UNFIT))('%s cannot be read from %s, and is unknown', async (name, _, stored) => {
  await recorded(name, stored);
  const unknown = [[name], undefined];
  expect(await readByBoth(name)).toEqual({ asOf: [unknown, unknown], at: [unknown, unknown] });
});

it.each(cases(NO_ROOM))('the column of %s has no room for %s, and it is unknown to rows', async (name, _, stored) => {
  await recorded(name, stored);
  const { asOf } = await readByBoth(name);
  expect(asOf).toEqual([
    [[name], undefined],
    [[name], undefined],
  ]);
});
