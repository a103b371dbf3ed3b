import { defineEntity, p, type RequiredEntityData, Type } from '@mikro-orm/core';
import { RevisionContext, SystemActor } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { empty, Lives, summary } from './lives.js';

class Money {
  constructor(
    public cents: bigint,
    public currency: string,
  ) {}
}

class MoneyType extends Type<Money | null, string | null> {
  override convertToDatabaseValue(value: Money | string | null): string | null {
    return value instanceof Money ? `${value.cents} ${value.currency}` : value;
  }

  override convertToJSValue(value: Money | string | null): Money | null {
    if (typeof value !== 'string') return value;
    const [cents, currency] = value.split(' ');
    return new Money(BigInt(cents!), currency!);
  }

  override getColumnType(): string {
    return 'text';
  }
}

class Geo {
  lat!: number | null;
  seenAt!: Date | null;
  grid!: bigint | null;
}

class Part {
  label!: string;
  cost!: Money | null;
  madeAt!: Date | null;
  serial!: bigint | null;
  rate!: string | null;
  photo!: Buffer | null;
  mood!: 'new' | 'worn' | null;
  sizes!: number[] | null;
  notes!: unknown;
  geo!: Geo | null;
}

class Depot {
  id!: number;
  name!: string;
  main!: Part | null;
  spare!: Part | null;
  plain!: Geo | null;
  boxed!: Part | null;
  shelf!: Part[] | null;
}

const GeoSchema = defineEntity({
  class: Geo,
  embeddable: true,
  properties: { lat: p.double().nullable(), seenAt: p.datetime(3).nullable(), grid: p.bigint().nullable() },
});

const PartSchema = defineEntity({
  class: Part,
  embeddable: true,
  properties: {
    label: p.string(),
    cost: p.type(MoneyType).nullable(),
    madeAt: p.datetime(3).nullable(),
    serial: p.bigint().nullable(),
    rate: p.decimal().precision(10).scale(2).nullable(),
    photo: p.blob().nullable(),
    mood: p.enum(['new', 'worn']).nullable(),
    sizes: p.array(Number).columnType('int[]').nullable(),
    notes: p.json().nullable(),
    geo: () => p.embedded(Geo).nullable(),
  },
} as never);

const DepotSchema = defineEntity({
  class: Depot,
  properties: {
    id: p.integer().primary().autoincrement(),
    name: p.string(),
    main: () => p.embedded(Part).nullable(),
    spare: () => p.embedded(Part).prefix('sp_').prefixMode('absolute').nullable(),
    plain: () => p.embedded(Geo).prefix(false).nullable(),
    boxed: () => p.embedded(Part).object().nullable(),
    shelf: () => p.embedded(Part).array().nullable(),
  },
} as never);

const [noon, later] = [new Date('2026-02-03T12:00:00.123Z'), new Date('2026-02-03T13:00:00.456Z')];

const geo = (values: Partial<Geo>): Geo => Object.assign(new Geo(), { lat: null, seenAt: null, grid: null }, values);
const part = (label: string, values: Partial<Part> = {}): Part =>
  Object.assign(
    new Part(),
    {
      label,
      cost: null,
      madeAt: null,
      serial: null,
      rate: null,
      photo: null,
      mood: null,
      sizes: null,
      notes: null,
      geo: null,
    },
    values,
  );

const FULL: Partial<Part> = {
  cost: new Money(2n ** 60n, 'EUR'),
  madeAt: noon,
  serial: 2n ** 62n,
  rate: '1.50',
  photo: Buffer.from([0, 255]),
  mood: 'worn',
  sizes: [3, 1],
  notes: { a: [1, null] },
  geo: geo({ lat: 0, seenAt: noon, grid: 0n }),
};

let test: TestOrm;
let lives: Lives;
beforeAll(async () => {
  test = await createOrm([GeoSchema, PartSchema, DepotSchema]);
});
afterAll(() => test.close());
beforeEach(async () => {
  await empty(test);
  lives = new Lives(test, [Depot]);
});

const make = async (values: Partial<Depot>) => {
  const em = test.orm.em.fork();
  const depot = em.create(Depot, { name: 'd', ...values } as RequiredEntityData<Depot>);
  await lives.flush(em);
  return depot.id;
};

/** Changes a depot that is freshly loaded, and then changes it back to null through the same entity manager. */
const change = async (id: number, apply: (depot: Depot) => void) => {
  const em = test.orm.em.fork();
  apply(await em.findOneOrFail(Depot, id));
  await lives.flush(em);
};

describe.each(['main', 'spare', 'boxed'] as const)('E14: an embeddable in %s', name => {
  it('is recorded with every kind of value in it: created, changed in place, replaced and cleared', async () => {
    const id = await make({ [name]: part('one', FULL) });
    await change(id, depot => {
      const value = depot[name]!;
      value.label = 'two';
      value.cost = new Money(1n, 'USD');
      value.madeAt = later;
      value.serial = -1n;
      value.rate = '2';
      value.photo = Buffer.alloc(0);
      value.mood = 'new';
      value.sizes = [];
      value.notes = [];
      value.geo!.lat = -1;
    });
    await change(id, depot => {
      depot[name]!.sizes!.push(7);
      (depot[name]!.notes as unknown[]).push('x');
      depot[name]!.madeAt!.setUTCFullYear(2030);
      depot[name]!.geo = null;
    });
    await change(id, depot => (depot[name] = part('three')));
    await change(id, depot => (depot[name] = null));
    await change(id, depot => (depot[name] = part('', { geo: geo({}) })));
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('is recorded by one entity manager through all of its changes', async () => {
    const em = test.orm.em.fork();
    const depot = em.create(Depot, { name: 'd', [name]: part('one', FULL) } as never);
    await lives.flush(em);
    depot[name]!.label = 'two';
    depot[name]!.geo!.grid = 5n;
    await lives.flush(em);
    depot[name] = null;
    await lives.flush(em);
    depot[name] = part('three', { geo: geo({ grid: 1n }) });
    await lives.flush(em);
    depot[name].cost = new Money(5n, 'EUR');
    await lives.flush(em);
    em.remove(depot);
    await lives.flush(em);
    expect(await lives.shown()).toStrictEqual(lives.seen);
    expect((await test.deltas()).map(({ action }) => action)).toEqual([
      'create',
      'update',
      'update',
      'update',
      'update',
      'delete',
    ]);
  });
});

it('E14: inline: each leaf is an attribute under its property name, whatever the prefix of its column', async () => {
  const id = await make({
    main: part('m', { geo: geo({ lat: 1 }) }),
    spare: part('s', { cost: new Money(1n, 'EUR') }),
    plain: geo({ lat: 5, seenAt: noon, grid: 9n }),
  });
  await change(id, depot => {
    depot.main!.geo!.lat = 2;
    depot.spare!.cost = new Money(2n, 'EUR');
    depot.plain!.grid = 10n;
  });
  expect((await summary(test)).at(-1)).toEqual([
    'update',
    `Depot:${id}`,
    { main_geo_lat: 1, spare_cost: '1 EUR', plain_grid: '9' },
    { main_geo_lat: 2, spare_cost: '2 EUR', plain_grid: '10' },
  ]);
  const columns = await test.database.query('select main_geo_lat, sp_cost, lat, grid from depot');
  expect(columns).toEqual([{ main_geo_lat: 2, sp_cost: '2 EUR', lat: 5, grid: '10' }]);
  expect(await lives.shown()).toStrictEqual(lives.seen);
});

it('E14: an array: null, empty, one, several; items replaced, changed in place, reordered, removed', async () => {
  const id = await make({ shelf: null });
  await change(id, depot => (depot.shelf = []));
  await change(id, depot => (depot.shelf = [part('one', FULL), part('two')]));
  await change(id, depot => {
    depot.shelf![0]!.cost = new Money(7n, 'USD');
    depot.shelf![0]!.geo!.grid = 2n ** 61n;
    depot.shelf![1]!.sizes = [1];
  });
  await change(id, depot => depot.shelf!.reverse());
  await change(id, depot => depot.shelf!.push(part('three', { geo: geo({ seenAt: later }) })));
  await change(id, depot => depot.shelf!.splice(0, 2));
  await change(id, depot => (depot.shelf = null));
  expect(await lives.shown()).toStrictEqual(lives.seen);
  expect((await test.attributes()).filter(row => row.attribute === 'shelf').map(row => [row.old, row.new])).toEqual([
    [null, []],
    [
      [],
      [
        expect.objectContaining({ label: 'one', cost: '1152921504606846976 EUR' }),
        expect.objectContaining({ label: 'two' }),
      ],
    ],
    [expect.any(Array), [expect.objectContaining({ cost: '7 USD' }), expect.objectContaining({ sizes: '{1}' })]],
    [expect.any(Array), [expect.objectContaining({ label: 'two' }), expect.objectContaining({ label: 'one' })]],
    [expect.any(Array), [expect.anything(), expect.anything(), expect.objectContaining({ label: 'three' })]],
    [expect.any(Array), [expect.objectContaining({ label: 'three' })]],
    [expect.any(Array), null],
  ]);
});

it('E14: one entity manager through all changes of an array and an object, several depots in one batch', async () => {
  const em = test.orm.em.fork();
  const depots = [1, 2, 3].map(n =>
    em.create(Depot, { name: `d${n}`, shelf: [part('one', FULL)], boxed: part('b', FULL) } as never),
  );
  await lives.flush(em);
  for (const depot of depots) {
    depot.shelf![0]!.label = 'uno';
    depot.boxed!.geo!.seenAt = later;
  }
  await lives.flush(em);
  for (const depot of depots) {
    depot.shelf!.push(part('two', { cost: new Money(1n, 'EUR') }));
    depot.boxed!.label = 'c';
  }
  await lives.flush(em);
  for (const depot of depots) depot.name += '!';
  await lives.flush(em);
  expect(await lives.shown()).toStrictEqual(lives.seen);
  expect((await test.deltas()).slice(-3).map(row => row.new)).toEqual([
    { name: 'd1!' },
    { name: 'd2!' },
    { name: 'd3!' },
  ]);
});

describe('two actors', () => {
  const as = (name: string, fn: () => void) => RevisionContext.run({ actor: new SystemActor(name) }, fn);
  const steps = async () => (await test.attributes()).map(row => [row.attribute, row.old, row.new, row.actor]);

  const replaced = expect.objectContaining({
    label: 'two',
    cost: '1 EUR',
    geo: expect.objectContaining({ grid: '2' }),
  });
  const changed = expect.objectContaining({ label: 'two', cost: '2 EUR', geo: expect.objectContaining({ grid: '3' }) });
  const CREDITS = {
    main: [
      ['main_cost', null, '1 EUR', 'system:ann'],
      ['main_cost', '1 EUR', '2 EUR', 'system:bob'],
      ['main_geo_grid', '1', '2', 'system:ann'],
      ['main_geo_grid', '2', '3', 'system:bob'],
      ['main_geo_seenAt', null, noon.toISOString(), 'system:ann'],
      ['main_label', 'one', 'two', 'system:ann'],
    ],
    boxed: [
      ['boxed', expect.objectContaining({ label: 'one' }), replaced, 'system:ann'],
      ['boxed', replaced, changed, 'system:bob'],
    ],
  };

  it.each(['main', 'boxed'] as const)('who replace and change %s are each credited with what they did', async name => {
    const id = await make({ [name]: part('one', { geo: geo({ grid: 1n }) }) });
    await test.forget();
    const em = test.orm.em.fork();
    const depot = await em.findOneOrFail(Depot, id);
    as('ann', () => (depot[name] = part('two', { cost: new Money(1n, 'EUR'), geo: geo({ grid: 2n, seenAt: noon }) })));
    as('bob', () => {
      depot[name]!.cost = new Money(2n, 'EUR');
      depot[name]!.geo!.grid = 3n;
    });
    await em.flush();
    expect(await steps()).toEqual(CREDITS[name]);
  });

  it('of whom one clears a value and the other sets it again are both listed', async () => {
    const id = await make({ main: part('one'), boxed: null });
    await test.forget();
    const em = test.orm.em.fork();
    const depot = await em.findOneOrFail(Depot, id);
    as('ann', () => (depot.main = null));
    as('bob', () => (depot.main = part('two')));
    await em.flush();
    expect(await steps()).toEqual([
      ['main_label', 'one', null, 'system:ann'],
      ['main_label', null, 'two', 'system:bob'],
    ]);
  });

  it('of whom one replaces an embeddable by its equal is not listed', async () => {
    const id = await make({ main: part('one'), boxed: part('one') });
    await test.forget();
    const em = test.orm.em.fork();
    const depot = await em.findOneOrFail(Depot, id);
    as('ann', () => Object.assign(depot, { main: part('two'), boxed: part('two') }));
    as('bob', () => Object.assign(depot, { main: part('two'), boxed: part('two') }));
    await em.flush();
    expect(await steps()).toEqual([
      ['boxed', expect.objectContaining({ label: 'one' }), expect.objectContaining({ label: 'two' }), 'system:ann'],
      ['main_label', 'one', 'two', 'system:ann'],
    ]);
  });
});
