import { type EntityDTO, type RequiredEntityData } from '@mikro-orm/core';
import { RevisionContext, SnapshotService } from '@revy/mikro-orm';
import { contents } from '../support/contents.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { EXTREME, NOTHING, PLAIN, type Values } from './specimens.js';
import { Address, Money, Specimen, ZOO } from './zoo.js';

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
