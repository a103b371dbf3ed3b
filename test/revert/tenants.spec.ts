import { Collection, defineEntity, type EntityManager, p } from '@mikro-orm/core';
import {
  RevertConflictError,
  RevertService,
  type Revision,
  HistoryService,
  SeveralSchemasError,
} from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';

/** Lives in each tenant's schema. */
class Shop {
  id!: number;
  name!: string;
  code!: string | null;
  sales = new Collection<Sale>(this);
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

/** Lies in a schema of its own, whoever asks. */
class Plan {
  id!: number;
  name!: string;
}

const key = () => p.integer().primary().autoincrement();
const TagSchema = defineEntity({ class: Tag, schema: '*', properties: { id: key() } });
const ShopSchema = defineEntity({
  class: Shop,
  schema: '*',
  properties: {
    id: key(),
    name: p.string(),
    code: p.string().nullable().unique(),
    sales: () => p.oneToMany(Sale).mappedBy('shop'),
    tags: () => p.manyToMany(Tag),
  },
});
const SaleSchema = defineEntity({
  class: Sale,
  schema: '*',
  properties: { id: key(), shop: () => p.manyToOne(Shop).deleteRule('cascade'), total: p.integer() },
});
const PlanSchema = defineEntity({
  class: Plan,
  schema: 'registry',
  properties: { id: p.integer().primary(), name: p.string() },
});

const TENANTS = ['public', 'north', 'so@uth'];

let t: TestOrm;

beforeAll(async () => {
  t = await createOrm([TagSchema, ShopSchema, SaleSchema, PlanSchema], { config: { schema: 'public' } });
  for (const tenant of TENANTS) {
    await t.database.query(`create schema if not exists "${tenant}"; set search_path to "${tenant}";
      create table if not exists tag (id serial primary key);
      create table if not exists shop (id serial primary key, name text, code text unique);
      create table if not exists shop_tags (shop_id int references shop on delete cascade,
        tag_id int references tag on delete cascade, primary key (shop_id, tag_id));
      create table if not exists sale (id serial primary key, total int, shop_id int references shop on delete cascade);
      reset search_path`);
  }
});
afterAll(() => t.close());

/** The same keys and values everywhere, so that a slip into another schema finds something to spoil. */
beforeEach(async () => {
  for (const tenant of TENANTS) {
    await t.database.query(`set search_path to "${tenant}"; truncate tag, shop, shop_tags, sale restart identity;
      insert into tag default values; insert into shop (name, code) values ('first', 'a'), ('second', 'b');
      insert into shop_tags values (1, 1); insert into sale (total, shop_id) values (10, 1), (20, 2);
      reset search_path`);
  }
  await t.database.query('truncate registry.plan');
  await t.forget();
});

const tenant = (schema: string) => t.orm.em.fork({ schema });
const south = () => tenant('so@uth');

/** Everything of a tenant, read past everything of ours. */
async function dump(schema: string): Promise<unknown> {
  const tables: Record<string, unknown> = {};
  for (const table of ['shop', 'shop_tags', 'sale', 'tag']) {
    const rows = await t.database.query<{ row: unknown }>(
      `select to_jsonb(r) as row from "${schema}".${table} r order by 1`,
    );
    tables[table] = rows.map(({ row }) => row);
  }
  return tables;
}

const dumps = async () => Object.fromEntries(await Promise.all(TENANTS.map(async one => [one, await dump(one)])));

async function rename(em: EntityManager, name: string): Promise<void> {
  (await em.findOneOrFail(Shop, 1)).name = name;
  await em.flush();
}

async function lastRevision(): Promise<Revision> {
  const [last] = await new HistoryService(t.orm.em.fork()).revisions({ order: 'desc', limit: 1 });
  return last!;
}

describe.each(TENANTS)('in the schema %s', schema => {
  it('everything that a deletion took along comes back, and nothing of another tenant changes', async () => {
    const before = await dumps();
    const em = tenant(schema);
    await em.remove(await em.findOneOrFail(Shop, 1)).flush();
    const gone = await dumps();
    // whatever schema the caller's entity manager works in
    const plan = await new RevertService(t.orm.em.fork()).revision(await lastRevision());
    expect(await dumps()).toEqual(before);
    const suffix = schema === 'public' ? '' : `@${schema}`;
    expect(plan.objects.map(({ objectType, objectId }) => `${objectType} ${objectId}`).toSorted()).toEqual([
      `Sale${suffix} 1`,
      `Shop${suffix} 1`,
    ]);
    expect((await t.deltas()).map(({ object }) => object).toSorted()).toEqual([
      `Sale${suffix}:1`,
      `Sale${suffix}:1`,
      `Shop${suffix}:1`,
      `Shop${suffix}:1`,
    ]);
    await new RevertService(t.orm.em.fork()).revision(plan.revision!);
    expect(await dumps()).toEqual(gone);
  });

  it('an object goes back to a version, is undeleted with what belonged to it, undone and redone', async () => {
    const em = tenant(schema);
    const others = async () => Object.entries(await dumps()).filter(([one]) => one !== schema);
    const before = [await dump(schema), await others()];
    await rename(em, 'changed');
    const reverts = new RevertService(tenant(schema));
    await reverts.undo(Shop, 1);
    expect(await dump(schema)).toEqual(before[0]);
    await reverts.redo(Shop, 1);
    await reverts.toVersion(Shop, 1, 2, { relations: ['sales', 'tags'] });
    expect(await dump(schema)).toEqual(before[0]);
    await reverts.attribute(Shop, 1, 'name', { version: 1 });
    const fresh = tenant(schema);
    await fresh.remove(await fresh.findOneOrFail(Shop, 1)).flush();
    await reverts.undelete(Shop, 1, { with: ['sales', 'tags'] });
    const [shop] = await t.database.query(`select name from "${schema}".shop where id = 1`);
    expect(shop).toEqual({ name: 'changed' });
    expect(await t.database.query(`select id, total, shop_id from "${schema}".sale order by id`)).toEqual([
      { id: 1, total: 10, shop_id: 1 },
      { id: 2, total: 20, shop_id: 2 },
    ]);
    expect(await t.database.query(`select * from "${schema}".shop_tags`)).toEqual([{ shop_id: 1, tag_id: 1 }]);
    expect(await others()).toEqual(before[1]);
  });

  it('a copy is made there', async () => {
    await rename(tenant(schema), 'changed');
    const em = tenant(schema);
    await new RevertService(em).copy(Shop, 1, 1, { code: 'c' });
    await em.flush();
    expect(await t.database.query(`select name, code from "${schema}".shop where id = 3`)).toEqual([
      { name: 'changed', code: 'c' },
    ]);
  });

  it('conflicts are those of its own rows', async () => {
    const em = tenant(schema);
    const shop = await em.findOneOrFail(Shop, 1);
    await em.remove(shop).flush();
    const other = tenant(schema);
    (await other.findOneOrFail(Shop, 2)).code = 'a';
    await other.flush();
    const failure: unknown = await new RevertService(tenant(schema)).undelete(Shop, 1).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RevertConflictError);
    expect((failure as RevertConflictError).plan.conflicts.map(({ reason, message }) => [reason, message])).toEqual([
      ['unique-taken', 'Shop 2 has it'],
    ]);
    // where another tenant has the value, nothing is in the way
    await other.refresh(await other.findOneOrFail(Shop, 2));
    (await other.findOneOrFail(Shop, 2)).code = 'z';
    await other.flush();
    await new RevertService(tenant(schema)).undelete(Shop, 1);
    expect(await t.database.query(`select code from "${schema}".shop order by id`)).toEqual([
      { code: 'a' },
      { code: 'z' },
    ]);
  });

  it('the sequence of that schema is moved', async () => {
    const em = tenant(schema);
    await em.remove(await em.findOneOrFail(Shop, 2)).flush();
    for (const one of TENANTS) {
      const sequence = `"${one}".shop_id_seq`;
      await t.database.query(`select setval('${sequence}', 1)`);
    }
    await new RevertService(tenant(schema)).undelete(Shop, 2);
    const values = await Promise.all(
      TENANTS.map(async one => {
        const [row] = await t.database.query<{ next: number }>(`select nextval('"${one}".shop_id_seq')::int as next`);
        return [one, row!.next];
      }),
    );
    expect(values).toEqual(TENANTS.map(one => [one, one === schema ? 3 : 2]));
  });
});

it('refuses a revision of several tenants as a whole, and goes object by object', async () => {
  const em = t.orm.em.fork();
  for (const schema of ['north', 'so@uth']) (await em.findOneOrFail(Shop, 1, { schema })).name = 'changed';
  await em.flush();
  const changed = await dumps();
  await expect(new RevertService(em).revision(1)).rejects.toThrow(SeveralSchemasError);
  await expect(new RevertService(em).revision(1, { dryRun: true })).rejects.toThrow(SeveralSchemasError);
  expect(await dumps()).toEqual(changed);
  await new RevertService(south()).undo(Shop, 1);
  expect(await t.database.query('select name from "so@uth".shop where id = 1')).toEqual([{ name: 'first' }]);
  expect(await t.database.query('select name from north.shop where id = 1')).toEqual([{ name: 'changed' }]);
});

it('puts back what a revision of several tenants did in one of them', async () => {
  const em = t.orm.em.fork();
  for (const schema of ['north', 'so@uth']) (await em.findOneOrFail(Shop, 1, { schema })).name = 'changed';
  await em.flush();
  await new RevertService(em).revision(1, { only: ({ objectType }) => objectType === 'Shop@so@uth' });
  expect(await t.database.query('select name from "so@uth".shop where id = 1')).toEqual([{ name: 'first' }]);
  expect(await t.database.query('select name from north.shop where id = 1')).toEqual([{ name: 'changed' }]);
});

it('takes along a class that has a schema of its own, whoever changed it', async () => {
  const em = south();
  em.create(Plan, { id: 1, name: 'basic' });
  await rename(em, 'changed');
  await new RevertService(t.orm.em.fork()).revision(1);
  expect(await t.database.query('select * from registry.plan')).toEqual([]);
  expect(await t.database.query('select name from "so@uth".shop where id = 1')).toEqual([{ name: 'first' }]);
});

it('does not touch an object of the same key in another schema', async () => {
  await rename(tenant('north'), 'N');
  await rename(south(), 'S');
  await new RevertService(south()).undo(Shop, 1);
  expect(await t.database.query('select name from "so@uth".shop where id = 1')).toEqual([{ name: 'first' }]);
  expect(await t.database.query('select name from north.shop where id = 1')).toEqual([{ name: 'N' }]);
  await expect(new RevertService(tenant('public')).undo(Shop, 1)).rejects.toThrow('nothing to undo');
});
