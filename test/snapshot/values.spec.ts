import { type EntityDTO, type RequiredEntityData } from '@mikro-orm/core';
import { RevisionContext, SnapshotService } from '@revy/mikro-orm';
import { contents } from '../support/contents.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { Address, Money, Specimen, ZOO } from './zoo.js';

type Values = Partial<Omit<Specimen, 'id'>>;

const address = (street: string, zip: number | null): Address => Object.assign(new Address(), { street, zip });

const NOTHING: Values = {
  count: 0,
  ratio: null,
  price: null,
  priceNumber: null,
  big: null,
  isAlive: null,
  text: null,
  seenAt: null,
  bornOn: null,
  wakesAt: null,
  data: null,
  photo: null,
  uuid: null,
  status: null,
  tags: null,
  sizes: null,
  value: null,
  home: null,
  offices: null,
  past: null,
};

const PLAIN: Values = {
  count: 3,
  ratio: 0.1,
  price: '10.50',
  priceNumber: 10.5,
  big: 9007199254740993n,
  isAlive: true,
  text: 'hello',
  seenAt: new Date('2026-03-29T01:30:00.123Z'),
  bornOn: '2024-02-29',
  wakesAt: '06:30:00',
  data: { a: [1, null, { b: '' }] },
  photo: Buffer.from([0, 1, 254, 255]),
  uuid: '7a1f3a1e-3a0e-4a77-8f3b-0d1f2c3b4a59',
  status: 'wild',
  tags: ['x', 'y'],
  sizes: [3, 1, 2],
  value: new Money(1250n, 'EUR'),
  home: address('Main', 1),
  offices: [address('A', 1), address('B', null)],
  past: address('Old', 0),
};

const EXTREME: Values = {
  count: -2147483648,
  ratio: 1e308,
  price: '-9999999999.99',
  priceNumber: -0.01,
  big: -9223372036854775808n,
  isAlive: false,
  text: `it's "q" \\ % \n\t ü 🦜 [FILTERED]`,
  seenAt: new Date('1969-12-31T23:59:59.999Z'),
  bornOn: '1600-01-01',
  wakesAt: '23:59:59',
  data: ['', 0, false, 'null', '{"a":1}', 12345678901234567000],
  photo: Buffer.alloc(0),
  uuid: '00000000-0000-0000-0000-000000000000',
  status: 'kept',
  tags: ['', 'a,b', '"q"', '{x}', '\\'],
  sizes: [],
  value: new Money(-1n, "X'Y"),
  home: address("O'Hara\\", null),
  offices: [],
  past: address('', null),
};

const EMPTY: Values = {
  ...NOTHING,
  price: '0.00',
  text: '',
  data: {},
  tags: [],
  sizes: [0],
  isAlive: false,
  big: 0n,
  ratio: 0,
};

const SETS = { NOTHING, PLAIN, EXTREME, EMPTY };

describe.each(Object.entries(SETS))('values come back typed and equal: %s', (_name, values) => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm(ZOO, { revy: { keyframeEvery: 2 } });
  });
  afterAll(() => test.close());

  const load = async (id: bigint) => typed(await test.orm.em.fork().findOneOrFail(Specimen, id));
  const snapshots = () => new SnapshotService(test.orm.em.fork());

  async function make(data: Values): Promise<bigint> {
    const em = test.orm.em.fork();
    const specimen = em.create(Specimen, data as RequiredEntityData<Specimen>);
    await em.flush();
    return specimen.id;
  }

  async function assign(id: bigint, data: Values): Promise<void> {
    const em = test.orm.em.fork();
    Object.assign(await em.findOneOrFail(Specimen, id), data);
    await em.flush();
  }

  it('A13, A14, A15: of an object as it was created, from its delta', async () => {
    const id = await make(values);
    const live = await load(id);
    const snapshot = (await snapshots().at(Specimen, id, { version: 1 }))!;
    expect(typed(snapshot.entity)).toEqual(live);
    expect(snapshot.unknown).toEqual([]);
    expect(snapshot.entity.id).toBe(id);
  });

  it('A14, S12: of an object that was updated, from a keyframe', async () => {
    const id = await make({ ...PLAIN, count: 1 });
    const steps = [
      { ...NOTHING, count: 2 },
      { ...values, count: 3 },
      { ...EXTREME, count: 4 },
      { ...values, count: 5 },
    ];
    const rows = [await load(id)];
    for (const data of steps) {
      await assign(id, data);
      rows.push(await load(id));
    }
    for (const [index, row] of rows.entries()) {
      expect(typed((await snapshots().at(Specimen, id, { version: index + 1 }))!.entity)).toEqual(row);
    }
  });

  it('of an object that was never recorded, from its live row', async () => {
    const id = await RevisionContext.runDisabled(() => make(values));
    const live = await load(id);
    const snapshot = (await snapshots().at(Specimen, id, new Date(Date.now() + 1000)))!;
    expect(typed(snapshot.entity)).toEqual(live);
    expect(snapshot).toMatchObject({ unknown: [], version: 0 });
  });

  it('of an object older than its history, from what the first update replaced', async () => {
    const id = await RevisionContext.runDisabled(() => make(values));
    const live = await load(id);
    await assign(id, values === NOTHING ? PLAIN : NOTHING);
    const last = (await test.deltas()).at(-1)!;
    const snapshot = (await snapshots().at(Specimen, id, { before: last.revision }))!;
    expect(typed(snapshot.entity)).toEqual(live);
    expect(snapshot.unknown).toEqual([]);
  });

  it('S13: of a deleted object, from its delete', async () => {
    const id = await RevisionContext.runDisabled(() => make(values));
    const live = await load(id);
    const em = test.orm.em.fork();
    await em.remove(em.getReference(Specimen, id)).flush();
    const deleted = (await snapshots().at(Specimen, id, { version: 1 }, { includeDeleted: true }))!;
    expect(typed(deleted.entity)).toEqual(live);
    expect(deleted.unknown).toEqual([]);
  });
});

/** The properties with the class of each value beside it, because `toEqual` takes no notice of classes. */
function typed(entity: Specimen): Record<string, unknown> {
  const kinds = Object.fromEntries(Object.entries(entity).map(([name, value]) => [name, kindOf(value)]));
  return { ...contents(entity), kinds };
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'undefined';
  return value === null ? 'null' : (value as object).constructor.name;
}

it('keeps types apart in the entity’s plain form as well', async () => {
  const test = await createOrm(ZOO);
  const em = test.orm.em.fork();
  const specimen = em.create(Specimen, PLAIN as RequiredEntityData<Specimen>);
  await em.flush();
  const { entity } = (await new SnapshotService(em).at(Specimen, specimen.id, { version: 1 }))!;
  expect(entity.seenAt).toBeInstanceOf(Date);
  expect(entity.photo).toBeInstanceOf(Buffer);
  expect(entity.value).toBeInstanceOf(Money);
  expect(entity.home).toBeInstanceOf(Address);
  expect(entity.offices![1]).toBeInstanceOf(Address);
  expect([typeof entity.big, typeof entity.price, typeof entity.priceNumber]).toEqual(['bigint', 'string', 'number']);
  expect((entity satisfies Partial<EntityDTO<Specimen>> | Specimen).id).toBe(specimen.id);
  await test.close();
});
