import { defineEntity, p } from '@mikro-orm/core';
import pg from 'pg';
import { CASCADE } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';

class Owner {
  id!: number;
}

class Thing {
  id!: number;
  name!: string;
  owner!: Owner;
}

/** Refers to things, and stays. */
class Mention {
  id!: number;
  thing!: Thing | null;
  byOwner!: Owner | null;
}

class Loose {
  id!: number;
  owner!: Owner | null;
}

const id = () => p.integer().primary();
const ENTITIES = [
  defineEntity({ class: Owner, properties: { id: id() } }),
  defineEntity({
    class: Thing,
    properties: { id: id(), name: p.string(), owner: () => p.manyToOne(Owner).deleteRule('cascade') },
  }),
  defineEntity({
    class: Mention,
    properties: {
      id: id(),
      thing: () => p.manyToOne(Thing).nullable(),
      byOwner: () => p.manyToOne(Owner).nullable(),
    },
  }),
  defineEntity({
    class: Loose,
    revy: { onDelete: { owner: CASCADE } },
    properties: { id: id(), owner: () => p.manyToOne(Owner).nullable().deleteRule('no action') },
  }),
];

let t: TestOrm;
let other: pg.Client;

beforeAll(async () => {
  t = await createOrm(ENTITIES);
  other = new pg.Client({ connectionString: t.database.url });
  await other.connect();
});

afterAll(async () => {
  await other.end();
  await t.close();
});

beforeEach(async () => {
  await t.database.query(`truncate owner, thing, mention, loose; insert into owner values (1), (2);
    insert into thing values (1, 'before', 1); insert into mention values (1, 1, 1)`);
  await t.forget();
});

/** Deletes the owner while another transaction that has done `sql` is open, and commits that in the meantime. */
async function deleteDuring(sql: string): Promise<void> {
  const em = t.orm.em.fork();
  const owner = await em.findOneOrFail(Owner, 1);
  await other.query(`begin; ${sql}`);
  const deletion = em.remove(owner).flush();
  await new Promise(resolve => setTimeout(resolve, 200));
  await other.query('commit');
  await deletion;
}

const told = async () => (await t.deltas()).map(({ object, action, old }) => ({ object, action, old }));

it('sees the rows that another transaction made refer to the deleted one until the last moment', async () => {
  await deleteDuring(`insert into thing values (2, 'late', 1); insert into loose values (1, 1)`);
  expect(await told()).toContainEqual({ object: 'Thing:2', action: 'delete', old: { name: 'late', owner: 1 } });
  expect(await told()).toContainEqual({ object: 'Loose:1', action: 'delete', old: { owner: 1 } });
  expect(await t.database.query('select id from thing union select id from loose')).toEqual([]);
});

it('sees what another transaction changed in the rows that go', async () => {
  await deleteDuring(`update thing set name = 'after' where id = 1`);
  expect(await told()).toContainEqual({ object: 'Thing:1', action: 'delete', old: { name: 'after', owner: 1 } });
});

it('leaves alone what another transaction let refer to something else', async () => {
  await deleteDuring('update mention set by_owner_id = 2 where id = 1');
  expect((await told()).find(delta => delta.object === 'Mention:1')).toMatchObject({ old: { thing: 1 } });
  expect(await t.attributes()).not.toContainEqual(expect.objectContaining({ attribute: 'byOwner' }));
});

it('does not wait for a row that only refers to one whose key is unset', async () => {
  await other.query('create table if not exists remark (mention_id int references mention)');
  await other.query('begin; insert into remark values (1)');
  const em = t.orm.em.fork();
  await em.remove(await em.findOneOrFail(Owner, 1)).flush();
  await other.query('commit; drop table remark');
  expect((await told()).map(delta => delta.object)).toContain('Mention:1');
});
