import { defineEntity, p, raw, Type } from '@mikro-orm/core';
import { SnapshotService } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { empty, Lives, summary } from './lives.js';

// Types of the application, and values that several forms stand for.

class Point {
  constructor(
    readonly x: number,
    readonly y: number,
  ) {}
}

/** PostgreSQL's point: written and read through SQL, and printed by the database in a form of its own. */
class PointType extends Type<Point | null, string | null> {
  override convertToDatabaseValue(value: Point | string | null): string | null {
    return value instanceof Point ? `${value.x} / ${value.y}` : value;
  }

  override convertToJSValue(value: Point | string | null): Point | null {
    if (typeof value !== 'string') return value;
    const [x, y] = value.match(/-?[\d.]+/g)!.map(Number);
    return new Point(x!, y!);
  }

  override convertToDatabaseValueSQL(key: string): string {
    return `replace(${key}, '/', ',')::point`;
  }

  override convertToJSValueSQL(key: string): string {
    return `(${key})::text`;
  }

  override getColumnType(): string {
    return 'point';
  }
}

/** Text whose case means nothing. */
class LabelType extends Type<string | null, string | null> {
  override compareValues(a: string, b: string): boolean {
    return String(a).toLowerCase() === String(b).toLowerCase();
  }

  override compareAsType(): string {
    return 'string';
  }

  override getColumnType(): string {
    return 'text';
  }
}

/** A set, stored as an array in `jsonb`, whose order means nothing. */
class SetType extends Type<Set<string> | null, string | null> {
  override convertToDatabaseValue(value: Set<string> | string | null): string | null {
    return value instanceof Set ? JSON.stringify([...value].toSorted()) : value;
  }

  override convertToJSValue(value: unknown): Set<string> | null {
    if (value === null || value === undefined || value instanceof Set) return (value ?? null) as Set<string> | null;
    return new Set((typeof value === 'string' ? JSON.parse(value) : value) as string[]);
  }

  override getColumnType(): string {
    return 'jsonb';
  }
}

/** Encrypted in the database, readable in the application. */
class SecretType extends Type<string | null, string | null> {
  override convertToDatabaseValue(value: string | null): string | null {
    return value === null || value === undefined || value.startsWith('enc:')
      ? value
      : `enc:${Buffer.from(value).toString('base64')}`;
  }

  override convertToJSValue(value: string | null): string | null {
    return value?.startsWith('enc:') ? Buffer.from(value.slice(4), 'base64').toString() : value;
  }

  override getColumnType(): string {
    return 'text';
  }
}

enum Level {
  None = 0,
  Some = 1,
}

class Spot {
  id!: number;
  name!: string;
  at!: Point | null;
  label!: string | null;
  tags!: Set<string> | null;
  secret!: string | null;
  level!: Level | null;
  size!: 's' | 'm' | null;
  sizes!: ('s' | 'm')[] | null;
  levels!: Level[] | null;
  data!: unknown;
  grid!: number[][] | null;
  days!: string[] | null;
}

const SpotSchema = defineEntity({
  class: Spot,
  properties: {
    id: p.integer().primary().autoincrement(),
    name: p.string(),
    at: p.type(PointType).nullable(),
    label: p.type(LabelType).nullable(),
    tags: p.type(SetType).nullable(),
    secret: p.type(SecretType).nullable(),
    level: p.enum(() => Level).nullable(),
    size: p
      .enum(['s', 'm'] as const)
      .nativeEnumName('size')
      .nullable(),
    sizes: p
      .enum(['s', 'm'] as const)
      .array()
      .nativeEnumName('size')
      .nullable(),
    levels: p
      .enum(() => Level)
      .array()
      .nullable(),
    data: p.json().nullable(),
    grid: p.json<number[][]>().nullable(),
    days: p.array().columnType('date[]').nullable(),
  },
} as never);

let test: TestOrm;
let lives: Lives;
beforeAll(async () => {
  test = await createOrm([SpotSchema]);
});
afterAll(() => test.close());
beforeEach(async () => {
  await empty(test);
  lives = new Lives(test, [Spot]);
});

const NULLS = Object.fromEntries(
  ['at', 'label', 'tags', 'secret', 'level', 'size', 'sizes', 'levels', 'data', 'grid', 'days'].map(name => [
    name,
    null,
  ]),
);

async function make(values: Partial<Spot>): Promise<number> {
  const em = test.orm.em.fork();
  const spot = em.create(Spot, { ...NULLS, name: 'n', ...values } as never) as Spot;
  await lives.flush(em);
  return spot.id;
}

const LOADS: Record<string, (em: TestOrm['orm']['em'], id: number) => Promise<Spot> | Spot> = {
  'is loaded': (em, id) => em.findOneOrFail(Spot, id),
  'is loaded in part': (em, id) => em.findOneOrFail(Spot, id, { fields: ['name'] as never }) as never,
  'is a reference': (em, id) => em.getReference(Spot, id),
};

describe.each(Object.entries(LOADS))('a type of the application, where the object %s', (_, load) => {
  it.each([
    ['written and read through SQL', 'at', new Point(1, -2.5), new Point(0, 3), '1 / -2.5', '0 / 3'],
    ['of a class', 'tags', new Set(['b', 'a']), new Set(), '["a","b"]', '[]'],
    ['that encrypts', 'secret', 'x', '', 'enc:eA==', 'enc:'],
  ] as const)('%s has one stored form', async (__, name, first, second, stored, other) => {
    const id = await make({ [name]: first });
    const em = test.orm.em.fork();
    const spot = (await load(em, id)) as unknown as Record<string, unknown>;
    spot[name] = second;
    await lives.flush(em);
    spot[name] = null;
    await lives.flush(em);
    const again = test.orm.em.fork();
    ((await load(again, id)) as unknown as Record<string, unknown>)[name] = first;
    await lives.flush(again);
    again.remove(again.getReference(Spot, id));
    await lives.flush(again);
    const rows = (await test.deltas()).map(row => [row.action, row.old?.[name], row.new?.[name]]);
    expect(rows).toEqual([
      ['create', undefined, stored],
      ['update', stored, other],
      ['update', other, null],
      ['update', null, stored],
      ['delete', stored, undefined],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('A4: records nothing where it is set to its equal', async () => {
    const id = await make({ at: new Point(1, 2), tags: new Set(['a', 'b']), secret: 'x', label: 'L' });
    const em = test.orm.em.fork();
    Object.assign(await load(em, id), { at: new Point(1, 2), tags: new Set(['b', 'a']), secret: 'x', label: 'L' });
    await em.flush();
    expect(await test.deltas()).toHaveLength(1);
  });

  it('native writes say the same', async () => {
    const id = await make({ at: new Point(1, 2), tags: new Set(['a']), secret: 'x', label: 'L', name: 'n' });
    const em = test.orm.em.fork();
    await em.nativeUpdate(Spot, { id }, { name: 'm' });
    await em.nativeUpdate(Spot, { id }, { at: new Point(3, 4), tags: new Set(['c']), secret: 'y' } as never);
    await lives.look();
    (await load(em, id)).name = 'o';
    await lives.flush(em);
    await em.nativeDelete(Spot, { id });
    const values = { at: '3 / 4', tags: '["c"]', secret: 'enc:eQ==' };
    expect((await summary(test)).slice(1)).toEqual([
      ['update', `Spot:${id}`, { name: 'n' }, { name: 'm' }],
      ['update', `Spot:${id}`, { at: '1 / 2', tags: '["a"]', secret: 'enc:eA==' }, values],
      ['update', `Spot:${id}`, { name: 'm' }, { name: 'o' }],
      ['delete', `Spot:${id}`, { ...NULLS, ...values, label: 'L', name: 'o' }, null],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });
});

it('what a type takes for equal is not written, and not recorded', async () => {
  const id = await make({ label: 'Label', name: 'n' });
  const em = test.orm.em.fork();
  const spot = await em.findOneOrFail(Spot, id);
  spot.label = 'LABEL';
  await lives.flush(em);
  Object.assign(spot, { label: 'label', name: 'm' });
  await lives.flush(em);
  expect((await summary(test)).slice(1)).toEqual([['update', `Spot:${id}`, { name: 'n' }, { name: 'm' }]]);
  expect(await test.database.query('select label from spot')).toEqual([{ label: 'Label' }]);
  expect(await lives.shown()).toStrictEqual(lives.seen);
});

it('an object older than its history has its values in the stored form', async () => {
  await test.database.query(
    `insert into spot (name, at, tags, secret, label) values ('n', '(1,2)', '["b", "a"]', 'enc:eA==', 'L')`,
  );
  const em = test.orm.em.fork();
  (await em.findOneOrFail(Spot, 1)).name = 'm';
  await em.flush();
  const { entity } = (await new SnapshotService(em).at(Spot, 1, { before: 1 }))!;
  expect(entity).toMatchObject({ name: 'n', at: new Point(1, 2), tags: new Set(['a', 'b']), secret: 'x', label: 'L' });
});

it('a row that its type cannot read is deleted all the same, and its record says what stood there', async () => {
  await test.database.query(`insert into spot (name, tags) values ('n', '{"no": "list"}')`);
  await test.orm.em.fork().nativeDelete(Spot, { id: 1 });
  expect((await test.deltas())[0]!.old).toMatchObject({ name: 'n', tags: { no: 'list' } });
});

describe('enums and arrays', () => {
  it('come back as they were: 0, native enums, arrays of them, reordered and empty', async () => {
    const id = await make({ level: Level.None, size: 's', sizes: [], levels: [Level.None] });
    const em = test.orm.em.fork();
    const spot = await em.findOneOrFail(Spot, id);
    Object.assign(spot, { level: Level.Some, size: 'm', sizes: ['m', 's'], levels: [1, 0, 1] });
    await lives.flush(em);
    spot.sizes = ['s', 'm'];
    spot.levels!.reverse();
    spot.levels!.pop();
    await lives.flush(em);
    Object.assign(spot, { level: null, size: null, sizes: null, levels: null });
    await lives.flush(em);
    expect((await test.deltas()).slice(1).map(row => row.new)).toEqual([
      { level: 1, size: 'm', sizes: ['m', 's'], levels: [1, 0, 1] },
      { sizes: ['s', 'm'], levels: [1, 0] },
      { level: null, size: null, sizes: null, levels: null },
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('A12: an array of dates', async () => {
    const id = await make({ days: ['2026-01-01'] });
    const em = test.orm.em.fork();
    const spot = await em.findOneOrFail(Spot, id);
    spot.days = ['2026-01-02', '2026-01-01'];
    await lives.flush(em);
    const reference = test.orm.em.fork();
    reference.getReference(Spot, id).days = [];
    await lives.flush(reference);
    expect((await test.deltas()).slice(1).map(row => [row.old, row.new])).toEqual([
      [{ days: ['2026-01-01'] }, { days: ['2026-01-02', '2026-01-01'] }],
      [{ days: ['2026-01-02', '2026-01-01'] }, { days: [] }],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });
});

describe('JSON', () => {
  it('null in a document is kept apart from no document, and both are null to the ORM', async () => {
    const id = await make({ data: { a: null } });
    const em = test.orm.em.fork();
    const spot = await em.findOneOrFail(Spot, id);
    spot.data = raw(`'null'::jsonb`);
    await lives.flush(em);
    expect(await test.database.query('select data is null as none, data::text from spot')).toEqual([
      { none: false, data: 'null' },
    ]);
    const other = test.orm.em.fork();
    const loaded = await other.findOneOrFail(Spot, id);
    expect(loaded.data).toBeNull();
    loaded.data = [null];
    await lives.flush(other);
    loaded.data = null;
    await lives.flush(other);
    expect((await test.deltas()).map(row => [row.old?.['data'], row.new!['data']])).toEqual([
      [undefined, { a: null }],
      [{ a: null }, null],
      [null, [null]],
      [[null], null],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('A13: nested lists changed in place, keys in another order, large numbers', async () => {
    const id = await make({ grid: [[1, 2], []], data: { b: 1, a: { d: 1, c: 2 } } });
    const em = test.orm.em.fork();
    const spot = await em.findOneOrFail(Spot, id);
    spot.grid![1]!.push(3);
    spot.data = { a: { c: 2, d: 1 }, b: 1 };
    await lives.flush(em);
    spot.data = { big: 12345678901234567000, tiny: 1e-300 };
    await lives.flush(em);
    expect((await test.deltas()).slice(1).map(row => row.new)).toEqual([
      { grid: [[1, 2], [3]] },
      { data: { big: 12345678901234567000, tiny: 1e-300 } },
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });
});
