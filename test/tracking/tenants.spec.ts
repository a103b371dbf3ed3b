import { Collection, defineEntity, type EntityManager, p, wrap } from '@mikro-orm/core';
import { AttributeDelta, HistoryService, Revision, RevisionContext, SnapshotService } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';

/** Lives in each tenant's schema. */
class Shop {
  id!: number;
  name!: string;
  owner!: Person | null;
  tags = new Collection<Tag>(this);
}

class Sale {
  id!: number;
  shop!: Shop;
  total!: number;
}

class Tag {
  id!: number;
}

/** Says nothing of a schema, so that it is wherever its entity manager works. */
class Person {
  id!: number;
  name!: string;
}

/** Lies in a schema of its own, whoever asks. */
class Plan {
  id!: number;
  name!: string;
}

const id = () => p.integer().primary();
const PersonSchema = defineEntity({ class: Person, properties: { id: id(), name: p.string() } });
const TagSchema = defineEntity({ class: Tag, schema: '*', properties: { id: id() } });
const ShopSchema = defineEntity({
  class: Shop,
  schema: '*',
  properties: {
    id: id(),
    name: p.string(),
    owner: () => p.manyToOne(Person).nullable().updateRule('cascade'),
    tags: () => p.manyToMany(Tag),
  },
});
const SaleSchema = defineEntity({
  class: Sale,
  schema: '*',
  properties: {
    id: id(),
    shop: () => p.manyToOne(Shop).deleteRule('cascade').updateRule('cascade'),
    total: p.integer(),
  },
});
const PlanSchema = defineEntity({
  class: Plan,
  schema: 'registry',
  properties: { id: id(), name: p.string() },
});

const TENANTS = ['public', 'north', 'so@uth'];

let t: TestOrm;

beforeAll(async () => {
  t = await createOrm([PersonSchema, TagSchema, ShopSchema, SaleSchema, PlanSchema], { config: { schema: 'public' } });
  for (const tenant of TENANTS) {
    await t.database.query(`create schema if not exists "${tenant}"; set search_path to "${tenant}";
      create table if not exists person (id int primary key, name text);
      create table if not exists tag (id int primary key);
      create table if not exists shop (id int primary key, name text,
        owner_id int references person on update cascade on delete set null);
      create table if not exists shop_tags (shop_id int references shop on delete cascade on update cascade,
        tag_id int references tag on delete cascade on update cascade, primary key (shop_id, tag_id));
      create table if not exists sale (id int primary key, total int,
        shop_id int references shop on delete cascade on update cascade);
      reset search_path`);
  }
});

afterAll(() => t.close());

beforeEach(async () => {
  for (const tenant of TENANTS) {
    await t.database.query(`set search_path to "${tenant}"; truncate person, tag, shop, shop_tags, sale;
      insert into person values (1, 'Ann of ${tenant}'); insert into tag values (1);
      insert into shop values (1, '${tenant}', 1), (2, 'second', null); insert into shop_tags values (1, 1);
      insert into sale (id, shop_id, total) values (1, 1, 10), (2, 2, 20); reset search_path`);
  }
  await t.database.query('truncate registry.plan');
  await t.forget();
});

const tenant = (schema: string) => t.orm.em.fork({ schema });
const north = () => tenant('north');
const south = () => tenant('so@uth');

const told = async () =>
  (await t.deltas())
    .map(({ object, action, old, new: after }) => ({ object, action, old, new: after }))
    .toSorted((a, b) => a.object.localeCompare(b.object));

async function rename(em: EntityManager, name: string): Promise<void> {
  (await em.findOneOrFail(Shop, 1)).name = name;
  await em.flush();
}

describe('objects of equal keys in several schemas', () => {
  it('have a history each, named for the schema where it is not the default one', async () => {
    await rename(north(), 'N');
    await rename(south(), 'S');
    await rename(t.orm.em.fork(), 'P');
    await rename(north(), 'N2');
    const rows = await t.database.query(`select object_type as type, version, old_values->>'name' as old
      from revy_object_delta order by id`);
    expect(rows).toEqual([
      { type: 'Shop@north', version: 1, old: 'north' },
      { type: 'Shop@so@uth', version: 1, old: 'so@uth' },
      { type: 'Shop', version: 1, old: 'public' },
      { type: 'Shop@north', version: 2, old: 'N' },
    ]);
  });

  it('are found through an entity manager that works in their schema', async () => {
    await rename(north(), 'N');
    await rename(south(), 'S');
    await rename(north(), 'N2');
    for (const [em, names] of [
      [north(), ['N', 'N2']],
      [south(), ['S']],
      [tenant('public'), []],
      [t.orm.em.fork(), []],
    ] as const) {
      const deltas = await new HistoryService(em).deltas(Shop, 1);
      expect(deltas.map(({ newValues }) => newValues!['name'])).toEqual(names);
      const snapshots = new SnapshotService(em);
      const versions = names.map((_, index) => snapshots.at(Shop, 1, { version: index + 1 }));
      expect((await Promise.all(versions)).map(version => version!.entity.name)).toEqual(names);
      // what is older than the history is told by the row of the same schema
      expect((await snapshots.at(Shop, 2))!.entity.name).toBe('second');
    }
    expect(await new HistoryService(north()).revisions()).toHaveLength(3);
    expect(await north().find(AttributeDelta, { objectType: 'Shop@so@uth' })).toHaveLength(1);
  });

  it('come out of snapshots as what they are, and go back where they belong', async () => {
    const em = south();
    await em.remove(await em.findOneOrFail(Shop, 1)).flush();
    const past = await new SnapshotService(south()).at(Shop, 1, { version: 1 }, { includeDeleted: true });
    expect(past).toMatchObject({ isDeleted: true, entity: { id: 1, name: 'so@uth' }, revision: { id: 1 } });
    expect(wrap(past!.entity).getSchema()).toBe('so@uth');
    expect(wrap(past!.entity.owner!).getSchema()).toBe('so@uth');
    await past!.revision!.objectDeltas.init();
    const fresh = t.orm.em.fork();
    await fresh.persist(past!.entity).flush();
    expect(await t.database.query('select name from "so@uth".shop where id = 1')).toEqual([{ name: 'so@uth' }]);
    expect((await t.deltas()).at(-1)).toMatchObject({ object: 'Shop@so@uth:1', action: 'create' });
  });

  it('are told apart in one flush', async () => {
    const em = t.orm.em.fork();
    for (const schema of ['north', 'so@uth']) {
      // only the key is known, so that the rest has to be read where it is
      const shop = em.getReference(Shop, 1, { schema });
      Object.assign(shop, { name: `${schema}!` });
      em.create(Shop, { id: 3, name: schema, owner: null }, { schema });
    }
    await em.flush();
    expect(await told()).toEqual([
      { object: 'Shop@north:1', action: 'update', old: { name: 'north' }, new: { name: 'north!' } },
      { object: 'Shop@north:3', action: 'create', old: null, new: { name: 'north', owner: null } },
      { object: 'Shop@so@uth:1', action: 'update', old: { name: 'so@uth' }, new: { name: 'so@uth!' } },
      { object: 'Shop@so@uth:3', action: 'create', old: null, new: { name: 'so@uth', owner: null } },
    ]);
  });

  it('have actors of their schema', async () => {
    const em = north();
    const ann = await em.findOneOrFail(Person, 1);
    await RevisionContext.run({ actor: ann }, () => rename(em, 'N'));
    const [revision] = await new HistoryService(south()).revisions({ actor: ann });
    expect(revision).toMatchObject({ actorType: 'Person@north', actorId: '1' });
    expect(await revision!.actors).toMatchObject([{ name: 'Ann of north' }]);
    const known = await t.orm.em.fork().findOneOrFail(Person, 1);
    await RevisionContext.run({ actor: known }, () => rename(south(), 'S'));
    const [latest] = await north().find(Revision, {}, { orderBy: { id: 'desc' } });
    expect(await latest!.actors).toMatchObject([{ name: 'Ann of public' }]);
    const other = await south().findOneOrFail(Person, 1);
    expect(await new HistoryService(south()).revisions({ actor: other })).toEqual([]);
  });
});

const GONE = (suffix: string, name: string) => [
  { object: `Sale${suffix}:1`, action: 'delete', old: { shop: 1, total: 10 }, new: null },
  {
    object: `Shop${suffix}:1`,
    action: 'delete',
    old: { name, owner: 1, tags: { added: [], removed: [1] } },
    new: null,
  },
];

const left = async () => {
  const counts: Record<string, number> = {};
  for (const schema of TENANTS) {
    const [row] = await t.database.query<{ count: number }>(`select count(*)::int from "${schema}".sale`);
    counts[schema] = row!.count;
  }
  return counts;
};

describe('cascades stay in the schema of what they start from', () => {
  it('along with a flush', async () => {
    const em = south();
    await em.remove(await em.findOneOrFail(Shop, 1)).flush();
    expect(await told()).toEqual(GONE('@so@uth', 'so@uth'));
    expect(await left()).toEqual({ public: 2, north: 2, 'so@uth': 1 });
  });

  it('along with a flush of several, that deletes the dependants of one by itself', async () => {
    const em = t.orm.em.fork();
    const find = (schema: string) => em.findOneOrFail(Shop, 1, { schema });
    const sale = await em.findOneOrFail(Sale, 1, { schema: 'north' });
    await RevisionContext.run({ objectDeltaDescription: 'mine', deletionDescription: 'went along' }, async () => {
      // found first: MikroORM flushes before it queries a class that has something to be removed
      const shops = [await find('north'), await find('so@uth')];
      for (const one of [...shops, sale]) em.remove(one);
      await em.flush();
    });
    expect(await told()).toEqual(
      [...GONE('@north', 'north'), ...GONE('@so@uth', 'so@uth')].toSorted((a, b) => a.object.localeCompare(b.object)),
    );
    const said = (await t.deltas()).map(({ object, description }) => [object, description]);
    expect(Object.fromEntries(said)).toEqual({
      'Shop@north:1': 'mine',
      'Shop@so@uth:1': 'mine',
      'Sale@north:1': 'mine',
      'Sale@so@uth:1': 'went along',
    });
  });

  it.each([
    ['of the entity manager', () => south().nativeDelete(Shop, 1)],
    ['of the call', () => t.orm.em.fork().nativeDelete(Shop, { name: 'so@uth' }, { schema: 'so@uth' })],
  ])('along with em.nativeDelete, by the schema %s', async (_, run) => {
    expect(await run()).toBe(1);
    expect(await told()).toEqual(GONE('@so@uth', 'so@uth'));
    expect(await left()).toEqual({ public: 2, north: 2, 'so@uth': 1 });
  });

  it.each([
    [
      'a flush',
      async (em: EntityManager) => {
        (await em.findOneOrFail(Shop, 1)).id = 9;
        await em.flush();
      },
    ],
    ['em.nativeUpdate', async (em: EntityManager) => em.nativeUpdate(Shop, 1, { id: 9 })],
  ])('where a key is changed by %s', async (_, run) => {
    await run(north());
    expect(await told()).toEqual([
      { object: 'Sale@north:1', action: 'update', old: { shop: 1 }, new: { shop: 9 } },
      {
        object: 'Shop@north:1',
        action: 'delete',
        old: { name: 'north', owner: 1, tags: { added: [], removed: [1] } },
        new: null,
      },
      {
        object: 'Shop@north:9',
        action: 'create',
        old: null,
        new: { name: 'north', owner: 1, tags: { added: [1], removed: [] } },
      },
    ]);
    expect(await t.database.query('select id from "so@uth".sale where shop_id = 1')).toEqual([{ id: 1 }]);
  });

  it('and a row that is gone there is not taken for that of another', async () => {
    const em = t.orm.em.fork();
    const shops = [];
    for (const schema of ['north', 'so@uth']) shops.push(...(await em.find(Sale, {}, { schema })));
    const other = north();
    await other.remove(await other.findOneOrFail(Sale, 1)).flush();
    for (const one of shops) em.remove(one);
    await em.flush();
    expect((await told()).map(({ object }) => object)).toEqual([
      'Sale@north:1',
      'Sale@north:2',
      'Sale@so@uth:1',
      'Sale@so@uth:2',
    ]);
  });
});

describe('native writes', () => {
  it('are recorded in the schema that they write to', async () => {
    const em = north();
    await em.insert(Shop, { id: 5, name: 'five', tags: [1] } as never);
    await em.nativeUpdate(Shop, 5, { name: 'FIVE' }, { schema: 'so@uth' });
    await em.nativeUpdate(Shop, 5, { name: 'FIVE' });
    await em.upsert(Shop, { id: 1, name: 'one' });
    await em.insertMany(Person, [{ id: 7, name: 'seven' }], { schema: 'so@uth' });
    expect((await t.deltas()).map(({ object, action, new: after }) => ({ object, action, new: after }))).toEqual([
      {
        object: 'Shop@north:5',
        action: 'create',
        new: { name: 'five', owner: null, tags: { added: [1], removed: [] } },
      },
      { object: 'Shop@north:5', action: 'update', new: { name: 'FIVE' } },
      { object: 'Shop@north:1', action: 'update', new: { name: 'one' } },
      { object: 'Person@so@uth:7', action: 'create', new: { name: 'seven' } },
    ]);
  });

  it('tell of links on the objects of their schema', async () => {
    await south().nativeDelete(Tag, 1);
    expect(await told()).toEqual([
      { object: 'Shop@so@uth:1', action: 'update', old: {}, new: { tags: { added: [], removed: [1] } } },
      { object: 'Tag@so@uth:1', action: 'delete', old: {}, new: null },
    ]);
  });
});

it('leaves classes that have a schema of their own alone', async () => {
  const em = north();
  em.create(Plan, { id: 1, name: 'basic' });
  await em.flush();
  await south().nativeUpdate(Plan, 1, { name: 'plus' });
  expect((await t.deltas()).map(({ object }) => object)).toEqual(['Plan:1', 'Plan:1']);
  expect((await new SnapshotService(south()).at(Plan, 1, { version: 1 }))!.entity.name).toBe('basic');
  expect(await new HistoryService(t.orm.em.fork()).deltas(Plan, 1)).toHaveLength(2);
});

it('keeps the history in the schema of the ORM, which is the default one of all classes', async () => {
  const other = await createOrm([PersonSchema, PlanSchema], { config: { schema: 'app' } });
  try {
    const em = other.orm.em.fork({ schema: 'app' });
    em.create(Person, { id: 1, name: 'Ann' });
    await em.flush();
    const rows = await other.database.query(
      'select object_type as type, object_id as id from app.revy_attribute_delta',
    );
    expect(rows).toEqual([{ type: 'Person', id: '1' }]);
    expect(await new HistoryService(other.orm.em.fork()).deltas(Person, 1)).toHaveLength(1);
    expect(await other.orm.schema.getUpdateSchemaSQL()).toBe('');
  } finally {
    await other.close();
  }
});
