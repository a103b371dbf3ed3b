import { defineEntity, OptimisticLockError, p } from '@mikro-orm/core';
import { createOrm, type TestOrm } from '../support/orm.js';

class Plain {
  id!: number;
  name!: string;
}

class Versioned {
  id!: number;
  name!: string;
  version!: number;
}

/** A key of several columns, one of them of a custom type in the database's own form. */
class Pair {
  a!: string;
  b!: bigint;
  name!: string;
}

class Parent {
  id!: number;
  name!: string;
}

class Child {
  id!: number;
  parent!: Parent | null;
}

class Node {
  id!: number;
  parent!: Node | null;
}

const id = () => p.integer().primary();
const PlainSchema = defineEntity({ class: Plain, properties: { id: id(), name: p.string() } });
const VersionedSchema = defineEntity({
  class: Versioned,
  properties: { id: id(), name: p.string(), version: p.integer().version() },
});
const PairSchema = defineEntity({
  class: Pair,
  properties: { a: p.uuid().primary(), b: p.bigint('bigint').primary(), name: p.string() },
});
const ParentSchema = defineEntity({ class: Parent, properties: { id: id(), name: p.string() } });
const ChildSchema = defineEntity({
  class: Child,
  properties: { id: id(), parent: () => p.manyToOne(Parent).nullable().deleteRule('cascade') },
});
const NodeSchema = defineEntity({
  class: Node,
  properties: { id: id(), parent: () => p.manyToOne(Node).nullable().deleteRule('cascade') },
});

let t: TestOrm;

beforeAll(async () => {
  t = await createOrm([PlainSchema, VersionedSchema, PairSchema, ParentSchema, ChildSchema, NodeSchema]);
});

afterAll(() => t.close());

const A = '01890a5d-ac96-774b-bcce-b302099a8057';

beforeEach(async () => {
  await t.database.query(`truncate plain, versioned, pair, parent, child, node;
    insert into plain values (1, 'one'), (2, 'two'), (3, 'three');
    insert into versioned values (1, 'one', 1), (2, 'two', 1), (3, 'three', 1);
    insert into pair values ('${A}', 1, 'one'), ('${A}', 2, 'two'), ('${A}', 3, 'three');
    insert into parent values (1, 'one'), (2, 'two'), (3, 'three');
    insert into child values (1, 1), (2, 2), (3, 3);
    insert into node values (1, null), (2, 1), (3, 2)`);
  await t.forget();
});

const told = async () =>
  (await t.deltas()).map(({ object, action, old, new: after }) => ({ object, action, old, new: after }));

/** What somebody else does between the reading and the flush. */
const elsewhere = (sql: string) => t.database.query(sql);

describe('a row that is gone', () => {
  it('whose deletion the history has not seen is recorded as deleted by whoever finds out', async () => {
    const em = t.orm.em.fork();
    const all = await em.find(Plain, {}, { orderBy: { id: 'asc' } });
    await elsewhere('delete from plain where id = 2');
    for (const one of all) em.remove(one);
    await em.flush();
    expect(await told()).toEqual(
      ['one', 'two', 'three'].map((name, index) => ({
        object: `Plain:${index + 1}`,
        action: 'delete',
        old: { name },
        new: null,
      })),
    );
  });

  it.each([
    ['Plain', Plain, 2, ['Plain:2', 'Plain:1', 'Plain:3']],
    ['Versioned', Versioned, 2, ['Versioned:2', 'Versioned:1', 'Versioned:3']],
    ['Pair', Pair, { a: A, b: 2n }, [`Pair:["${A}","2"]`, `Pair:["${A}","1"]`, `Pair:["${A}","3"]`]],
    ['Parent', Parent, 2, ['Parent:2', 'Parent:1', 'Parent:3']],
  ] as const)('whose deletion is in the history is not deleted once more: %s', async (name, entity, key, left) => {
    const em = t.orm.em.fork();
    const all = await em.find(entity as typeof Plain, {});
    const other = t.orm.em.fork();
    await other.remove(await other.findOneOrFail(entity as typeof Plain, key as never)).flush();
    for (const one of all) em.remove(one);
    await em.flush();
    const deltas = await told();
    expect(deltas.filter(({ object }) => object.startsWith(`${name}:`)).map(({ object }) => object)).toEqual(left);
    expect(new Set(deltas.map(({ action }) => action))).toEqual(new Set(['delete']));
    expect(deltas.every(({ old }) => Object.keys(old!).length > 0)).toBe(true);
  });

  it('is not recorded as deleted where only its key was known', async () => {
    const em = t.orm.em.fork();
    em.remove(em.getReference(Plain, 99));
    em.remove(em.getReference(Plain, 3));
    await em.flush();
    expect(await told()).toEqual([{ object: 'Plain:3', action: 'delete', old: { name: 'three' }, new: null }]);
  });

  it('is not recorded as updated, alone', async () => {
    const em = t.orm.em.fork();
    const one = await em.findOneOrFail(Plain, 1);
    await elsewhere('delete from plain where id = 1');
    one.name = 'changed';
    await em.flush();
    expect(await told()).toEqual([]);
    expect(await t.database.query('select id from plain order by id')).toEqual([{ id: 2 }, { id: 3 }]);
  });

  it.each([
    ['Plain', Plain, 'id = 2', ['Plain:1', 'Plain:3']],
    ['Pair', Pair, 'b = 2', [`Pair:["${A}","1"]`, `Pair:["${A}","3"]`]],
  ] as const)('is left out of an update of several: %s', async (name, entity, condition, left) => {
    const em = t.orm.em.fork();
    const all = await em.find(entity as typeof Plain, {});
    await elsewhere(`delete from ${name.toLowerCase()} where ${condition}`);
    for (const one of all) one.name = `${one.name}!`;
    await em.flush();
    expect(await told()).toEqual([
      { object: left[0], action: 'update', old: { name: 'one' }, new: { name: 'one!' } },
      { object: left[1], action: 'update', old: { name: 'three' }, new: { name: 'three!' } },
    ]);
  });

  it('fails the update of an entity that has a version, which nobody records then', async () => {
    for (const count of [1, 3]) {
      const em = t.orm.em.fork();
      const all = await em.find(Versioned, {}, { limit: count, orderBy: { id: 'asc' } });
      await elsewhere('delete from versioned where id = 1');
      for (const one of all) one.name = 'changed';
      await expect(em.flush()).rejects.toThrow(OptimisticLockError);
      expect(await told()).toEqual([]);
      await elsewhere("insert into versioned values (1, 'one', 1)");
    }
  });

  it('is not recorded under the new key that it was to get', async () => {
    const em = t.orm.em.fork();
    const all = await em.find(Plain, {}, { orderBy: { id: 'asc' } });
    await elsewhere('delete from plain where id = 2');
    for (const one of all) one.id += 10;
    await em.flush();
    expect((await told()).map(({ object, action }) => `${action} ${object}`)).toEqual([
      'delete Plain:1',
      'create Plain:11',
      'delete Plain:3',
      'create Plain:13',
    ]);
  });
  it('under a changed part of its key, neither', async () => {
    const em = t.orm.em.fork();
    const all = await em.find(Pair, {}, { orderBy: { b: 'asc' } });
    await elsewhere('delete from pair where b = 2');
    for (const one of all) one.b += 10n;
    await em.flush();
    expect((await told()).map(({ object, action }) => `${action} ${object}`)).toEqual([
      `delete Pair:["${A}","1"]`,
      `create Pair:["${A}","11"]`,
      `delete Pair:["${A}","3"]`,
      `create Pair:["${A}","13"]`,
    ]);
  });
});

describe('a row that a cascade of the same flush takes first', () => {
  it('is recorded as deleted by whoever removed it', async () => {
    const em = t.orm.em.fork();
    for (const one of await em.find(Node, {})) em.remove(one);
    em.config.set('batchSize', 1);
    try {
      await em.flush();
    } finally {
      em.config.set('batchSize', 300);
    }
    expect((await told()).map(({ object, action }) => `${action} ${object}`).toSorted()).toEqual([
      'delete Node:1',
      'delete Node:2',
      'delete Node:3',
    ]);
  });
});
