import { defineEntity, p, wrap } from '@mikro-orm/core';
import { createOrm, type TestOrm } from '../support/orm.js';
import { empty, Lives, summary } from './lives.js';

class Dot {
  x!: number;
  y!: bigint | null;
}

class Line {
  from!: Dot;
  to!: Dot | null;
  dots!: Dot[] | null;
  drawnAt!: Date | null;
}

abstract class Shape {
  kind!: 'circle' | 'square';
  since!: Date | null;
}

class Circle extends Shape {
  radius!: number;
  centre!: Dot | null;
}

class Square extends Shape {
  side!: bigint;
}

class Sheet {
  id!: number;
  inline!: Line | null;
  boxed!: Line | null;
  lines!: Line[] | null;
  shape!: Circle | Square | null;
  stamp!: Circle | Square | null;
  shapes!: (Circle | Square)[] | null;
}

const DotSchema = defineEntity({
  class: Dot,
  embeddable: true,
  properties: { x: p.integer().fieldName('x_pos'), y: p.bigint().fieldName('y_pos').nullable() },
});

const LineSchema = defineEntity({
  class: Line,
  embeddable: true,
  properties: {
    from: () => p.embedded(Dot),
    to: () => p.embedded(Dot).object().nullable(),
    dots: () => p.embedded(Dot).array().nullable(),
    drawnAt: p.datetime(3).fieldName('drawn_at').nullable(),
  },
} as never);

const ShapeSchema = defineEntity({
  class: Shape as new () => Shape,
  abstract: true,
  embeddable: true,
  discriminatorColumn: 'kind',
  properties: { kind: p.enum(['circle', 'square'] as const), since: p.datetime(3).nullable() },
} as never);

const CircleSchema = defineEntity({
  class: Circle,
  extends: ShapeSchema,
  embeddable: true,
  discriminatorValue: 'circle',
  properties: { radius: p.double(), centre: () => p.embedded(Dot).nullable() },
} as never);

const SquareSchema = defineEntity({
  class: Square,
  extends: ShapeSchema,
  embeddable: true,
  discriminatorValue: 'square',
  properties: { side: p.bigint() },
} as never);

const SheetSchema = defineEntity({
  class: Sheet,
  properties: {
    id: p.integer().primary().autoincrement(),
    inline: () => p.embedded(Line).nullable(),
    boxed: () => p.embedded(Line).object().nullable(),
    lines: () => p.embedded(Line).array().nullable(),
    shape: () => p.embedded([Circle, Square] as never).nullable(),
    stamp: () =>
      p
        .embedded([Circle, Square] as never)
        .object()
        .nullable(),
    shapes: () =>
      p
        .embedded([Circle, Square] as never)
        .array()
        .nullable(),
  },
} as never);

const noon = new Date('2026-02-03T12:00:00.123Z');

const dot = (x: number, y: bigint | null = null): Dot => Object.assign(new Dot(), { x, y });
const line = (values: Partial<Line> = {}): Line =>
  Object.assign(new Line(), { from: dot(0), to: null, dots: [], drawnAt: null, ...values });
const circle = (radius: number, values: Partial<Circle> = {}): Circle =>
  Object.assign(new Circle(), { kind: 'circle', radius, centre: null, since: null, ...values });
const square = (side: bigint, values: Partial<Square> = {}): Square =>
  Object.assign(new Square(), { kind: 'square', side, since: null, ...values });

let test: TestOrm;
let lives: Lives;
beforeAll(async () => {
  test = await createOrm([DotSchema, LineSchema, ShapeSchema, CircleSchema, SquareSchema, SheetSchema]);
});
afterAll(() => test.close());
beforeEach(async () => {
  await empty(test);
  lives = new Lives(test, [Sheet]);
});

const NOTHING = { inline: null, boxed: null, lines: null, shape: null, stamp: null, shapes: null };

async function make(values: Partial<Sheet>): Promise<number> {
  const em = test.orm.em.fork();
  const sheet = em.create(Sheet, { ...NOTHING, ...values } as never);
  await lives.flush(em);
  return (sheet as Sheet).id;
}

async function change(id: number, apply: (sheet: Sheet) => unknown): Promise<void> {
  const em = test.orm.em.fork();
  apply(await em.findOneOrFail(Sheet, id));
  await lives.flush(em);
}

describe.each(['inline', 'boxed'] as const)('E14: an embeddable in an embeddable, in %s', name => {
  it('is recorded: inline, object and array in it, with their own column names', async () => {
    const id = await make({ [name]: line() });
    await change(id, sheet => {
      sheet[name]!.from.x = 5;
      sheet[name]!.from.y = 2n ** 60n;
      sheet[name]!.drawnAt = noon;
    });
    await change(id, sheet => (sheet[name]!.to = dot(1, 1n)));
    await change(id, sheet => (sheet[name]!.dots = []));
    await change(id, sheet => sheet[name]!.dots!.push(dot(1, -1n), dot(2)));
    await change(id, sheet => (sheet[name]!.dots![1]!.y = 7n));
    await change(id, sheet => (sheet[name]!.to!.y = null));
    await change(id, sheet => {
      sheet[name]!.to = null;
      sheet[name]!.dots = [];
    });
    await change(id, sheet => (sheet[name] = null));
    await change(id, sheet => (sheet[name] = line({ to: dot(3), dots: [dot(4)] })));
    await change(id, sheet => wrap(sheet).assign({ [name]: { from: { x: 9 } } } as never));
    expect(await lives.shown()).toStrictEqual(lives.seen);
    expect(await test.deltas()).toHaveLength(10);
  });

  it('is recorded by one entity manager, for several rows at once', async () => {
    const em = test.orm.em.fork();
    const sheets = [1, 2].map(n =>
      em.create(Sheet, { ...NOTHING, [name]: line({ from: dot(n), to: dot(n), dots: [dot(n, 5n)] }) } as never),
    ) as Sheet[];
    await lives.flush(em);
    for (const step of [1, 2, 3]) {
      for (const sheet of sheets) {
        sheet[name]!.dots![0]!.x += step;
        sheet[name]!.to!.y = BigInt(step);
      }
      await lives.flush(em);
    }
    expect(await lives.shown()).toStrictEqual(lives.seen);
    const moved = name === 'inline' ? ['inline_dots', 'inline_to'] : ['boxed'];
    expect((await test.deltas()).slice(2).map(row => Object.keys(row.new!).toSorted())).toEqual(Array(6).fill(moved));
  });
});

it('E14: an array of embeddables with embeddables in them', async () => {
  const id = await make({ lines: [line({ dots: [dot(1, 1n)] })] });
  await change(id, sheet => (sheet.lines![0]!.dots![0]!.y = 2n));
  await change(id, sheet => sheet.lines!.push(line({ to: dot(4, null), drawnAt: noon })));
  await change(id, sheet => (sheet.lines![1]!.from.y = 8n));
  await change(id, sheet => (sheet.lines = []));
  await change(id, sheet => (sheet.lines = null));
  expect(await lives.shown()).toStrictEqual(lives.seen);
  expect(await test.deltas()).toHaveLength(6);
});

it('E14: what a history holds of an embeddable in one column is what its column holds', async () => {
  const id = await make({
    boxed: line({ from: dot(1, 2n), to: dot(3), dots: [dot(4, 5n)], drawnAt: noon }),
    lines: [line()],
  });
  await change(id, sheet => {
    sheet.boxed!.dots![0]!.x = 40;
    sheet.lines![0]!.from.x = 10;
  });
  const [row] = await test.database.query<{ boxed: unknown; lines: unknown }>('select boxed, lines from sheet');
  const snapshot = await test.orm.em.fork().findOneOrFail(Sheet, id);
  expect(snapshot.boxed!.dots![0]!.x).toBe(40);
  const delta = (await test.deltas()).at(-1)!;
  expect({ boxed: delta.new!['boxed'], lines: delta.new!['lines'] }).toEqual({
    boxed: { from: { x: 1, y: '2' }, to: { x: 3, y: null }, dots: [{ x: 40, y: '5' }], drawnAt: noon.toISOString() },
    lines: [{ from: { x: 10, y: null }, to: null, dots: [], drawnAt: null }],
  });
  // under the column names of the embeddable
  expect(row).toMatchObject({ boxed: { from: { x_pos: 1 } }, lines: [{ from: { x_pos: 10 } }] });
});

describe.each(['shape', 'stamp'] as const)('E14: a polymorphic embeddable in %s', name => {
  it('comes back as the class that it was', async () => {
    const id = await make({ [name]: circle(1.5, { centre: dot(1, 2n), since: noon }) });
    await change(id, sheet => ((sheet[name] as Circle).radius = 2));
    await change(id, sheet => ((sheet[name] as Circle).centre!.y = 3n));
    await change(id, sheet => (sheet[name] = square(2n ** 60n, { since: noon })));
    await change(id, sheet => ((sheet[name] as Square).side = 1n));
    await change(id, sheet => (sheet[name] = null));
    await change(id, sheet => (sheet[name] = circle(0)));
    expect(await lives.shown()).toStrictEqual(lives.seen);
    expect(await test.deltas()).toHaveLength(7);
  });
});

it('E14: an array of polymorphic embeddables', async () => {
  const id = await make({ shapes: [circle(1, { centre: dot(1, 2n) }), square(2n)] });
  await change(id, sheet => ((sheet.shapes![1] as Square).side = 3n));
  await change(id, sheet => sheet.shapes!.reverse());
  await change(id, sheet => (sheet.shapes![0] = circle(9, { since: noon })));
  await change(id, sheet => sheet.shapes!.pop());
  expect(await lives.shown()).toStrictEqual(lives.seen);
  expect((await summary(test)).at(-1)).toEqual([
    'update',
    `Sheet:${id}`,
    {
      shapes: [
        { kind: 'circle', radius: 9, centre: null, since: noon.toISOString() },
        { kind: 'circle', radius: 1, centre: { x: 1, y: '2' }, since: null },
      ],
    },
    { shapes: [{ kind: 'circle', radius: 9, centre: null, since: noon.toISOString() }] },
  ]);
});

it('a list that is null in an embeddable in one column, which MikroORM does not write, is null in the history', async () => {
  const em = test.orm.em.fork();
  em.create(Sheet, { ...NOTHING, boxed: line({ dots: null }) } as never);
  await em.flush();
  expect(await test.database.query('select boxed from sheet')).toEqual([
    { boxed: { from: { x_pos: 0, y_pos: null }, to: null, drawn_at: null } },
  ]);
  expect((await test.deltas())[0]!.new!['boxed']).toEqual({
    from: { x: 0, y: null },
    to: null,
    dots: null,
    drawnAt: null,
  });
});

describe('E14: what nobody loaded is read from the row as it was recorded', () => {
  const FULL: Partial<Sheet> = {
    inline: line({ from: dot(1, 2n), to: dot(3, 4n), dots: [dot(5, 6n)], drawnAt: noon }),
    boxed: line({ from: dot(1, 2n), to: dot(3, 4n), dots: [dot(5, 6n)], drawnAt: noon }),
    lines: [line({ dots: [dot(7, 8n)], to: dot(9) })],
    shape: square(2n ** 60n, { since: noon }),
    stamp: circle(0.5, { centre: dot(1, 2n), since: noon }),
    shapes: [circle(1, { centre: dot(3) }), square(4n)],
  };

  it('by the deletion of a reference', async () => {
    const id = await make(FULL);
    const em = test.orm.em.fork();
    em.remove(em.getReference(Sheet, id));
    await lives.flush(em);
    const [created, deleted] = await test.deltas();
    expect([deleted!.action, deleted!.old]).toEqual(['delete', created!.new]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('by a change of a reference, and of a sheet that is loaded in part', async () => {
    const id = await make(FULL);
    const { inline, boxed, lines, shape, stamp, shapes } = FULL;
    for (const load of [
      (em: TestOrm['orm']['em']) => em.getReference(Sheet, id),
      (em: TestOrm['orm']['em']) => em.findOneOrFail(Sheet, id, { fields: ['id'] as never }),
    ]) {
      const em = test.orm.em.fork();
      const sheet = (await load(em)) as Sheet;
      Object.assign(sheet, NOTHING);
      await lives.flush(em);
      Object.assign(sheet, { inline, boxed, lines, shape, stamp, shapes });
      await lives.flush(em);
    }
    const [created, ...updates] = await test.deltas();
    const nulls = Object.fromEntries(Object.keys(created!.new!).map(name => [name, null]));
    const withoutNulls = (values: object | null) =>
      Object.fromEntries(Object.entries(values ?? {}).filter(([, value]) => value !== null));
    for (const update of updates) {
      expect({ ...nulls, ...withoutNulls(update.old), ...withoutNulls(update.new) }).toEqual(created!.new);
    }
    expect(updates).toHaveLength(4);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('by native calls', async () => {
    const id = await make(FULL);
    const em = test.orm.em.fork();
    await em.nativeUpdate(Sheet, { id }, { boxed: null, lines: null, shapes: [] } as never);
    await lives.look();
    await em.nativeUpdate(Sheet, { id }, { boxed: FULL.boxed, lines: FULL.lines, shapes: FULL.shapes } as never);
    await lives.look();
    await em.nativeDelete(Sheet, { id });
    await lives.look();
    expect(await lives.shown()).toStrictEqual(lives.seen);
    const [created, cleared, restored, deleted] = await test.deltas();
    const { boxed, lines, shapes } = created!.new!;
    expect(cleared!.old).toMatchObject({ boxed, lines, shapes });
    expect(restored!.new).toEqual({ boxed, lines, shapes });
    expect(deleted!.old).toMatchObject({ boxed, lines, shapes, shape_side: String(2n ** 60n), inline_from_x: 1 });
  });
});
