import { defineEntity, p } from '@mikro-orm/core';
import {
  type ObjectCondition,
  SnapshotService,
  UnknownRevisionError,
  UnsupportedConditionError,
} from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

class Person {
  id!: number;
  name!: string;
}

class Item {
  id!: number;
  count!: number | null;
  price!: string | null;
  big!: bigint | null;
  seen!: Date | null;
  day!: string | null;
  flag!: boolean | null;
  name!: string | null;
  owner!: Person | null;
  secret!: string | null;
  note!: string | null;
  data!: unknown;
}

const ENTITIES = [
  defineEntity({ class: Person, properties: { id: p.integer().primary().autoincrement(), name: p.string() } }),
  defineEntity({
    class: Item,
    revy: { mask: ['secret'], exclude: ['note'] },
    properties: {
      id: p.integer().primary().autoincrement(),
      count: p.integer().nullable(),
      price: p.decimal('string').precision(20).scale(3).nullable(),
      big: p.bigint().nullable(),
      seen: p.datetime(3).nullable(),
      day: p.date().nullable(),
      flag: p.boolean().nullable(),
      name: p.string().nullable(),
      owner: () => p.manyToOne(Person).nullable(),
      secret: p.string().nullable(),
      note: p.string().nullable(),
      data: p.json().nullable(),
    },
  }),
];

const noon = new Date('2026-05-05T12:00:00.000Z');

const CONDITIONS: readonly ObjectCondition<Item>[] = [
  {},
  { count: 1 },
  { count: null },
  { count: [1, 2] },
  { count: [1, null] },
  { count: { $ne: 1 } },
  { count: { $ne: null } },
  { count: { $in: [] } },
  { count: { $nin: [1, 10] } },
  { count: { $gt: 1, $lte: 10 } },
  { $not: { count: { $gt: 1 } } },
  { price: '1.500' },
  { price: { $gte: '9.5' } },
  { price: { $lt: '10.000' } },
  { big: 9007199254740993n },
  { big: { $gt: 9007199254740992n } },
  { seen: noon },
  { seen: { $lt: noon } },
  { day: { $gte: '2026-01-10' } },
  { flag: true },
  { flag: { $ne: true } },
  { name: '' },
  { name: ['a', 'B'] },
  { owner: 1 },
  { owner: { $in: [1, 2] } },
  { owner: null },
  { id: 2 },
  { id: [1, 3] },
  { id: { $gt: 2 } },
  { id: { $in: [1, 2, 4] }, count: { $gt: 1 } },
  { $or: [{ count: 1 }, { flag: false }] },
  { $and: [{ count: { $ne: null } }, { $or: [{ name: 'a' }, { owner: 2 }] }] },
  { $not: { $or: [{ count: 1 }, { name: 'a' }] } },
];

describe('many with a condition', () => {
  let test: TestOrm;
  let snapshots: SnapshotService;
  beforeAll(async () => {
    test = await createOrm(ENTITIES, { revy: { keyframeEvery: 2 } });
    snapshots = new SnapshotService(test.orm.em.fork());
    await test.database.query(`insert into person (name) values ('Ann'), ('Bob')`);
    await test.database.query(
      `insert into item (count, price, big, seen, day, flag, name, owner_id) values
       (1, 1.5, 1, '2026-05-05T11:00:00Z', '2026-01-09', true, 'a', 1), (10, 10, 9007199254740993, '2026-05-05T12:00:00Z', '2026-01-10', false, 'B', 2),
       (null, null, null, null, null, null, null, null)`,
    );
  });
  afterAll(() => test.close());

  const change = async (id: number, values: Partial<Item>) => {
    const em = test.orm.em.fork();
    Object.assign(await em.findOneOrFail(Item, id), values);
    await em.flush();
  };
  const create = async (values: Partial<Item>) => {
    const em = test.orm.em.fork();
    em.create(Item, values as never);
    await em.flush();
  };
  const remove = async (id: number) => {
    const em = test.orm.em.fork();
    await em.remove(await em.findOneOrFail(Item, id)).flush();
  };

  const STEPS = [
    () => change(1, { count: 2 }),
    () => create({ count: 1, price: '9.500', name: '', flag: true, owner: 2 as never }),
    () => change(2, { price: '9.4', big: 9007199254740992n, owner: null, flag: null }),
    () => change(3, { count: 1, day: '2026-02-01', seen: noon, name: 'a' }),
    () => remove(1),
    () => change(4, { count: null, name: 'B', flag: false }),
    () => change(2, { count: 10, name: null, owner: 1 as never }),
    () => create({ count: 11, big: 9007199254740994n, seen: new Date('2027-01-01T00:00:00Z') }),
    () => remove(2),
  ];

  it('K3: picks the objects that satisfied it then, as a query of the live rows did at the time', async () => {
    const seen: { revision: number; found: number[][] }[] = [];
    for (const step of STEPS) {
      await step();
      const em = test.orm.em.fork();
      const found: number[][] = [];
      for (const where of CONDITIONS) {
        const rows = await em.fork().find(Item, where as never, { orderBy: { id: 1 } });
        found.push(rows.map(({ id }) => id));
      }
      const [last] = await test.database.query<{ id: number }>('select max(id)::int as id from revy_revision');
      seen.push({ revision: last!.id, found });
    }
    for (const { revision, found } of seen) {
      for (const [index, where] of CONDITIONS.entries()) {
        const picked = (await snapshots.many(Item, where, { revision })).map(({ entity }) => entity.id);
        expect({ revision, where, picked }).toEqual({ revision, where, picked: found[index] });
      }
    }
  });

  it('takes a constant number of statements, and reads by the index where keys are named', async () => {
    for (const where of [{ id: [1, 2, 3, 4] }, { id: { $in: [1, 4] }, count: 1 }, { count: { $gt: 0 } }, {}]) {
      const sent = await statementsOf(() => snapshots.many(Item, where, { revision: 3 }));
      expect(sent.length).toBeLessThanOrEqual(5);
    }
  });

  it('does not count an attribute that nobody knows as satisfying anything but its absence from the question', async () => {
    await test.database.query(
      `update revy_object_delta set new_values = new_values - 'price' where object_type = 'Item' and object_id = '4'`,
    );
    const ids = async (where: ObjectCondition<Item>) =>
      (await snapshots.many(Item, where, { revision: 2 })).map(({ entity }) => entity.id);
    expect(await ids({ id: 4 })).toEqual([4]);
    for (const price of ['9.5', null, { $ne: '9.5' }, { $gt: '0' }] as const)
      expect(await ids({ id: 4, price })).toEqual([]);
  });

  it('shows what was deleted to whoever asks for it', async () => {
    const [{ id: revision }] = (await test.database.query(
      `select max(revision_id)::int as id from revy_object_delta where action = 'delete' and object_id = '1'`,
    )) as [{ id: number }];
    const where = { count: 2 };
    expect(await snapshots.many(Item, where, { revision })).toEqual([]);
    expect(await snapshots.many(Item, where, { revision }, { includeDeleted: true })).toMatchObject([
      { isDeleted: true, entity: { id: 1, name: 'a' } },
    ]);
  });

  it('refuses what cannot be evaluated on what is recorded', async () => {
    const refused: [object, RegExp][] = [
      [{ name: { $like: 'a%' } }, /by "name\.\$like": only the database has this operator/],
      [{ name: { $gt: 'a' } }, /by "name\.\$gt": only the database knows how its values are ordered/],
      [{ data: { $lt: 1 } }, /by "data\.\$lt": only the database knows/],
      [{ secret: 'x' }, /by "secret": its values are masked/],
      [{ note: 'x' }, /by "note": it is not an attribute that is recorded/],
      [{ title: 'x' }, /by "title": the class has no such attribute/],
      [{ $and: [{ $or: [{ title: 'x' }] }] }, /by "title"/],
    ];
    for (const [where, message] of refused) {
      const failure = await snapshots.many(Item, where, undefined).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(UnsupportedConditionError);
      expect((failure as Error).message).toMatch(message);
    }
    await expect(snapshots.many(Item, { count: 1 }, { revision: 999 })).rejects.toThrow(UnknownRevisionError);
  });
});
