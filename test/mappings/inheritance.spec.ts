import { Collection, defineEntity, p, wrap } from '@mikro-orm/core';
import { SnapshotService } from '@revy/mikro-orm';
import { DayType } from '../model/samples.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';
import { byContent } from '../support/order.js';
import { empty, Lives, summary } from './lives.js';

// Three levels, each with a value, a relation and an embeddable of its own: once in one table, once in a table for each.

class Place {
  city!: string | null;
}

class Person {
  id!: number;
  name!: string;
}

class Dated {
  day!: number;
  kind!: string;
  name!: string;
}

class Leaf extends Dated {
  code!: string;
}

/** One table: the root is abstract, the middle and the leaves are not. */
abstract class Account {
  id!: number;
  kind!: string;
  label!: string;
  owner!: Person | null;
}

class Savings extends Account {
  rate!: string | null;
  branch!: Place | null;
  guardian!: Person | null;
  heirs = new Collection<Person>(this);
}

class Bond extends Savings {
  matures!: Date | null;
  steps!: number[] | null;
  code!: string | null;
}

class Giro extends Account {
  limit!: bigint;
  /** Of the same name as the bond's, in a column of its own. */
  code!: number | null;
}

/** A table for each: the middle is abstract. */
class Asset {
  id!: number;
  label!: string;
  owner!: Person | null;
}

abstract class Estate extends Asset {
  site!: Place | null;
  keeper!: Person | null;
}

class House extends Estate {
  rooms!: number;
  plan!: Place[] | null;
  guests = new Collection<Person>(this);
}

class Villa extends House {
  pool!: Date | null;
  gardener!: Person | null;
}

const id = p.integer().primary().autoincrement();
const PlaceSchema = defineEntity({ class: Place, embeddable: true, properties: { city: p.string().nullable() } });
const PersonSchema = defineEntity({ class: Person, properties: { id, name: p.string() } });

const AccountSchema = defineEntity({
  class: Account as unknown as new () => Account,
  abstract: true,
  discriminatorColumn: 'kind',
  discriminatorMap: { savings: 'Savings', bond: 'Bond', giro: 'Giro' },
  properties: { id, kind: p.string(), label: p.string(), owner: () => p.manyToOne(Person).nullable() },
} as never);
const SavingsSchema = defineEntity({
  class: Savings,
  extends: AccountSchema,
  properties: {
    rate: p.decimal().precision(6).scale(3).nullable(),
    branch: () => p.embedded(Place).nullable(),
    guardian: () => p.manyToOne(Person).nullable(),
    heirs: () => p.manyToMany(Person).owner(),
  },
} as never);
const BondSchema = defineEntity({
  class: Bond,
  extends: SavingsSchema,
  properties: {
    matures: p.datetime(3).nullable(),
    steps: p.array(Number).columnType('int[]').nullable(),
    code: p.string().fieldName('bond_code').nullable(),
  },
} as never);
const GiroSchema = defineEntity({
  class: Giro,
  extends: AccountSchema,
  properties: { limit: p.bigint(), code: p.integer().fieldName('giro_code').nullable() },
} as never);

const AssetSchema = defineEntity({
  class: Asset,
  inheritance: 'tpt',
  properties: { id, label: p.string(), owner: () => p.manyToOne(Person).nullable() },
} as never);
const EstateSchema = defineEntity({
  class: Estate as unknown as new () => Estate,
  abstract: true,
  extends: AssetSchema,
  properties: { site: () => p.embedded(Place).nullable(), keeper: () => p.manyToOne(Person).nullable() },
} as never);
const HouseSchema = defineEntity({
  class: House,
  extends: EstateSchema,
  properties: {
    rooms: p.integer(),
    plan: () => p.embedded(Place).array().nullable(),
    guests: () => p.manyToMany(Person).owner(),
  },
} as never);
const VillaSchema = defineEntity({
  class: Villa,
  extends: HouseSchema,
  properties: { pool: p.datetime(3).nullable(), gardener: () => p.manyToOne(Person).nullable() },
} as never);

const place = (city: string | null): Place => Object.assign(new Place(), { city });
const noon = new Date('2026-02-03T12:00:00.123Z');

let test: TestOrm;
let lives: Lives;
let ann: Person;
let bob: Person;
beforeAll(async () => {
  test = await createOrm([
    PlaceSchema,
    PersonSchema,
    AccountSchema,
    SavingsSchema,
    BondSchema,
    GiroSchema,
    AssetSchema,
    EstateSchema,
    HouseSchema,
    VillaSchema,
  ]);
});
afterAll(() => test.close());
beforeEach(async () => {
  await empty(test);
  const em = test.orm.em.fork();
  [ann, bob] = ['Ann', 'Bob'].map(name => em.create(Person, { name })) as [Person, Person];
  await em.flush();
  await test.forget();
  lives = new Lives(test, [Account as never, Asset]);
});

const person = (em: TestOrm['orm']['em'], who: Person) => em.getReference(Person, who.id);

describe('F2: in one table', () => {
  async function make(): Promise<{ savings: Savings; bond: Bond; giro: Giro }> {
    const em = test.orm.em.fork();
    const [owner, guardian] = [person(em, ann), person(em, bob)];
    const savings = em.create(Savings, { label: 's', rate: '1.5', branch: place('Bonn'), owner } as never);
    const bond = em.create(Bond, { label: 'b', matures: noon, steps: [2, 1], code: 'B', guardian } as never);
    const giro = em.create(Giro, { label: 'g', limit: 2n ** 60n, code: 7, owner } as never);
    bond.heirs.add(owner);
    await lives.flush(em);
    return { savings, bond, giro };
  }

  it('each object is recorded as its own class, with the columns of its own levels', async () => {
    const { savings, bond, giro } = await make();
    expect(await summary(test)).toEqual([
      [
        'create',
        `Savings:${savings.id}`,
        null,
        { label: 's', rate: '1.500', branch_city: 'Bonn', owner: ann.id, guardian: null },
      ],
      [
        'create',
        `Bond:${bond.id}`,
        null,
        {
          label: 'b',
          rate: null,
          branch_city: null,
          owner: null,
          guardian: bob.id,
          matures: noon.toISOString(),
          steps: [2, 1],
          code: 'B',
          heirs: { added: [ann.id], removed: [] },
        },
      ],
      ['create', `Giro:${giro.id}`, null, { label: 'g', limit: String(2n ** 60n), code: 7, owner: ann.id }],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('changes at each level, through the root, the middle and the leaf', async () => {
    const { bond, giro } = await make();
    for (const asked of [Account, Savings, Bond] as unknown as (new () => Bond)[]) {
      const em = test.orm.em.fork();
      const loaded = await em.findOneOrFail(asked, bond.id);
      loaded.label += '!';
      loaded.rate = String(loaded.label.length);
      loaded.branch = place(loaded.label);
      loaded.steps = [loaded.label.length];
      loaded.guardian = person(em, loaded.label.length % 2 ? ann : bob);
      await lives.flush(em);
    }
    const em = test.orm.em.fork();
    (await em.findOneOrFail(Giro, giro.id)).code = null;
    await lives.flush(em);
    const shape = (n: number) => ({
      label: `b${'!'.repeat(n)}`,
      rate: n === 0 ? null : `${n + 1}.000`,
      branch_city: n === 0 ? null : `b${'!'.repeat(n)}`,
      steps: n === 0 ? [2, 1] : [n + 1],
      guardian: n === 0 ? bob.id : (n + 1) % 2 ? ann.id : bob.id,
    });
    const [first, second, third, ofGiro] = (await summary(test)).slice(3);
    const { guardian: _, ...zero } = shape(0);
    const { guardian: __, ...one } = shape(1);
    expect(first).toEqual(['update', `Bond:${bond.id}`, zero, one]);
    expect(second).toEqual(['update', `Bond:${bond.id}`, shape(1), shape(2)]);
    expect(third).toEqual(['update', `Bond:${bond.id}`, shape(2), shape(3)]);
    expect(ofGiro).toEqual(['update', `Giro:${giro.id}`, { code: 7 }, { code: null }]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('deletions, through references of the concrete class and loaded through the root', async () => {
    const { savings, bond, giro } = await make();
    const created = new Map((await test.deltas()).map(row => [row.object, row.new]));
    const em = test.orm.em.fork();
    em.remove(em.getReference(Bond, bond.id));
    await lives.flush(em);
    for (const account of await em.find(Account as new () => Account, {})) em.remove(account);
    await lives.flush(em);
    const rows = (await test.deltas()).filter(row => row.action === 'delete');
    expect(rows.find(row => row.object === `Bond:${bond.id}`)!.old).toEqual({
      ...created.get(`Bond:${bond.id}`),
      heirs: { added: [], removed: [ann.id] },
    });
    for (const object of [`Savings:${savings.id}`, `Giro:${giro.id}`]) {
      expect(rows.find(row => row.object === object)!.old).toEqual(created.get(object));
    }
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  const FOUND_AS: Record<string, (em: TestOrm['orm']['em'], id: number) => Promise<Account> | Account> = {
    'by the root': (em, bond) => em.findOneOrFail(Account as new () => Account, bond),
    'in part by the root': (em, bond) =>
      em.findOneOrFail(Account as new () => Account, bond, { fields: ['id'] as never }),
    'by the middle': (em, bond) => em.findOneOrFail(Savings, bond),
    'as a reference of the middle': (em, bond) => em.getReference(Savings, bond),
    'as a reference of the middle that was loaded since': async (em, bond) => {
      const reference = em.getReference(Savings, bond);
      await wrap(reference).init();
      return reference;
    },
    'as a reference': (em, bond) => em.getReference(Bond, bond),
  };

  it.each(Object.entries(FOUND_AS))('a change is one delta of its own class, found %s', async (_, find) => {
    const { bond } = await make();
    const em = test.orm.em.fork();
    const found = (await find(em, bond.id)) as Savings;
    Object.assign(found, { label: 'c', rate: '2', branch: place('Rom') });
    await lives.flush(em);
    found.label = 'd';
    found.heirs.add(person(em, bob));
    await lives.flush(em);
    expect((await summary(test)).slice(3)).toEqual([
      [
        'update',
        `Bond:${bond.id}`,
        { label: 'b', rate: null, branch_city: null },
        { label: 'c', rate: '2.000', branch_city: 'Rom' },
      ],
      ['update', `Bond:${bond.id}`, { label: 'c' }, { label: 'd', heirs: { added: [bob.id], removed: [] } }],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it.each(Object.entries(FOUND_AS))('a deletion has the columns of its own class, found %s', async (_, find) => {
    const { bond } = await make();
    const created = (await test.deltas()).find(row => row.object === `Bond:${bond.id}`)!.new!;
    const gone = { ...created, heirs: { added: [], removed: [ann.id] } };
    const em = test.orm.em.fork();
    em.remove(await find(em, bond.id));
    await lives.flush(em);
    expect((await summary(test)).slice(3)).toEqual([['delete', `Bond:${bond.id}`, gone, null]]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('what was loaded is what it is, and nobody asks', async () => {
    const { bond, giro } = await make();
    const em = test.orm.em.fork();
    const found = await em.find(Account as new () => Account, { id: [bond.id, giro.id] });
    for (const account of found) account.label += '!';
    const sent = await statementsOf(() => em.flush());
    expect(sent.map(sql => sql.split(' ')[0])).toEqual(['begin', 'update', 'update', 'with']);
    expect((await summary(test)).slice(3).map(row => (row as string[])[1])).toEqual([
      `Bond:${bond.id}`,
      `Giro:${giro.id}`,
    ]);
  });
});

describe('F2: in a table for each type', () => {
  async function make(): Promise<{ asset: Asset; house: House; villa: Villa }> {
    const em = test.orm.em.fork();
    const [owner, keeper] = [person(em, ann), person(em, bob)];
    const asset = em.create(Asset, { label: 'a', owner } as never);
    const house = em.create(House, { label: 'h', site: place('Bonn'), keeper, rooms: 3, plan: [place('x')] } as never);
    const villa = em.create(Villa, { label: 'v', rooms: 9, pool: noon, gardener: owner, keeper } as never);
    villa.guests.add(keeper);
    await lives.flush(em);
    return { asset, house, villa };
  }

  it('each object is recorded once, as its own class, with the columns of all its tables', async () => {
    const { asset, house, villa } = await make();
    expect((await summary(test)).toSorted(byContent)).toEqual([
      ['create', `Asset:${asset.id}`, null, { label: 'a', owner: ann.id }],
      [
        'create',
        `House:${house.id}`,
        null,
        { label: 'h', owner: null, site_city: 'Bonn', keeper: bob.id, rooms: 3, plan: [{ city: 'x' }] },
      ],
      [
        'create',
        `Villa:${villa.id}`,
        null,
        {
          label: 'v',
          owner: null,
          site_city: null,
          keeper: bob.id,
          rooms: 9,
          plan: null,
          pool: noon.toISOString(),
          gardener: ann.id,
          guests: { added: [bob.id], removed: [] },
        },
      ],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  const FOUND_AS: Record<string, (em: TestOrm['orm']['em'], id: number) => Promise<Asset> | Asset> = {
    'by the root': (em, villa) => em.findOneOrFail(Asset, villa),
    // MikroORM 7.2 takes these for what they were asked for
    'by a class above its own': (em, villa) => em.findOneOrFail(House, villa),
    'as a reference of the root': (em, villa) => em.getReference(Asset, villa),
    'as a reference of a class above its own': (em, villa) => em.getReference(House, villa),
    'by its own class': (em, villa) => em.findOneOrFail(Villa, villa),
    'as a reference': (em, villa) => em.getReference(Villa, villa),
    'in part': (em, villa) => em.findOneOrFail(Villa, villa, { fields: ['id'] as never }),
  };

  const CHANGES = [
    ['the root', Asset, { label: 'w' }, { label: 'v' }, { label: 'w' }],
    ['the abstract middle', House, { site: place('Rom') }, { site_city: null }, { site_city: 'Rom' }],
    ['the middle', House, { rooms: 8, plan: [] }, { rooms: 9, plan: null }, { rooms: 8, plan: [] }],
    ['the leaf', Villa, { pool: null }, { pool: noon.toISOString() }, { pool: null }],
    [
      'every level',
      Villa,
      { label: 'w', site: place('Rom'), rooms: 8, pool: null },
      { label: 'v', site_city: null, rooms: 9, pool: noon.toISOString() },
      { label: 'w', site_city: 'Rom', rooms: 8, pool: null },
    ],
  ] as const;
  const CASES = CHANGES.flatMap(([level, needs, values, old, now]) =>
    Object.entries(FOUND_AS).map(([how, find]) => ({ level, needs, values, old, now, how, find })),
  );

  it.each(CASES)('a change of $level is one delta of its own class, found $how', async given => {
    const { villa } = await make();
    const em = test.orm.em.fork();
    const found = await given.find(em, villa.id);
    const isSettable = found instanceof given.needs;
    Object.assign(found, isSettable ? given.values : { label: 'other' });
    await lives.flush(em);
    const [old, now] = isSettable ? [given.old, given.now] : [{ label: 'v' }, { label: 'other' }];
    expect((await summary(test)).slice(3)).toEqual([['update', `Villa:${villa.id}`, old, now]]);
    Object.assign(found, { label: 'last' });
    await lives.flush(em);
    expect((await test.deltas()).slice(4)).toMatchObject([{ object: `Villa:${villa.id}`, new: { label: 'last' } }]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it.each(Object.entries(FOUND_AS))('a deletion has the columns of every table, found %s', async (_, find) => {
    const { villa } = await make();
    const { guests, ...created } = (await test.deltas()).find(row => row.object === `Villa:${villa.id}`)!.new!;
    const { added } = guests as { added: unknown[] };
    const em = test.orm.em.fork();
    em.remove(await find(em, villa.id));
    await lives.flush(em);
    expect((await summary(test)).slice(3)).toEqual([
      ['delete', `Villa:${villa.id}`, { ...created, guests: { added: [], removed: added } }, null],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it.each(Object.entries(FOUND_AS))('links belong to the object’s own class, found %s', async (_, find) => {
    const { villa } = await make();
    const em = test.orm.em.fork();
    const found = await find(em, villa.id);
    const guests = found instanceof House ? found.guests : undefined;
    guests?.add(person(em, ann));
    await lives.flush(em);
    expect((await summary(test)).slice(3)).toEqual(
      guests ? [['update', `Villa:${villa.id}`, {}, { guests: { added: [ann.id], removed: [] } }]] : [],
    );
  });

  it('what is found by a class above its own is asked about once, and not again', async () => {
    const { villa } = await make();
    const em = test.orm.em.fork();
    const found = await em.findOneOrFail(House, villa.id);
    found.rooms = 10;
    const first = await statementsOf(() => lives.flush(em));
    found.rooms = 11;
    const second = await statementsOf(() => em.flush());
    expect(first.filter(sql => /^select .*"villa"/.test(sql) && !/ limit /.test(sql)).length).toBeGreaterThan(0);
    expect(second.map(sql => sql.split(' ')[0])).toEqual(['begin', 'update', expect.any(String)]);
  });
});

describe('F2: an object without a history, asked for by a class above its own', () => {
  it('is the live row of its own class, whatever its key is', async () => {
    const RootSchema = defineEntity({
      class: Dated,
      discriminatorColumn: 'kind',
      discriminatorMap: { root: 'Dated', leaf: 'Leaf' },
      properties: { day: p.type(DayType).primary(), kind: p.string(), name: p.string() },
    } as never);
    const LeafSchema = defineEntity({ class: Leaf, extends: RootSchema, properties: { code: p.string() } } as never);
    const other = await createOrm([RootSchema, LeafSchema]);
    await other.database.query(
      `insert into dated (day, kind, name, code) values ('2024-10-04', 'leaf', 'n', 'c'), ('2024-10-05', 'root', 'm', null)`,
    );
    const snapshots = new SnapshotService(other.orm.em.fork());
    const soon = new Date(Date.now() + 60_000);
    const [leaf, root] = [
      await snapshots.at(Dated, 20_000 as never, soon),
      await snapshots.at(Dated, 20_001 as never, soon),
    ];
    expect(leaf!.entity).toBeInstanceOf(Leaf);
    expect(leaf).toMatchObject({ entity: { day: 20_000, name: 'n', code: 'c' }, unknown: [], version: 0 });
    expect(root!.entity).not.toBeInstanceOf(Leaf);
    expect(root).toMatchObject({ entity: { day: 20_001, name: 'm' }, version: 0 });
    await other.close();
  });

  it.each([Asset, House, Villa])('with a table for each type, by %p', async asked => {
    await test.database.query(`with a as (insert into asset (label) values ('a') returning id),
      e as (insert into estate (id, site_city) select id, 'Bonn' from a returning id),
      h as (insert into house (id, rooms) select id, 3 from e returning id)
      insert into villa (id) select id from h`);
    const snapshot = await new SnapshotService(test.orm.em.fork()).at(
      asked as typeof Asset,
      1,
      new Date(Date.now() + 60_000),
    );
    expect(snapshot!.entity).toBeInstanceOf(Villa);
    expect(snapshot).toMatchObject({
      entity: { label: 'a', site: { city: 'Bonn' }, rooms: 3, pool: null },
      unknown: [],
    });
  });
});
