import { defineEntity, p } from '@mikro-orm/core';
import { CASCADE, RevisionContext, SET_NULL } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

class Parent {
  id!: number;
}

class Child {
  id!: number;
  parent!: Parent;
}

class Grandchild {
  id!: number;
  child!: Child;
}

const id = () => p.integer().primary();
const ParentSchema = defineEntity({ class: Parent, properties: { id: id() } });

const byDatabase = [
  ParentSchema,
  defineEntity({
    class: Child,
    properties: { id: id(), parent: () => p.manyToOne(Parent).index().deleteRule('cascade') },
  }),
  defineEntity({
    class: Grandchild,
    properties: { id: id(), child: () => p.manyToOne(Child).index().deleteRule('cascade') },
  }),
];

class Handled {
  id!: number;
  parent!: Parent | null;
}

class Under {
  id!: number;
  handled!: Handled | null;
}

const byHandler = [
  ParentSchema,
  defineEntity({
    class: Handled,
    revy: { onDelete: { parent: CASCADE } },
    properties: { id: id(), parent: () => p.manyToOne(Parent).index().nullable().deleteRule('no action') },
  }),
  defineEntity({
    class: Under,
    revy: { onDelete: { handled: SET_NULL } },
    properties: { id: id(), handled: () => p.manyToOne(Handled).index().nullable().deleteRule('no action') },
  }),
];

async function deleteParent(t: TestOrm, id: number): Promise<string[]> {
  const em = t.orm.em.fork();
  const parent = await em.findOneOrFail(Parent, id);
  return statementsOf(async () => {
    em.remove(parent);
    await em.flush();
  });
}

/** SQL without its lists of values; the history is sent in one message with the COMMIT. */
function shape(statements: readonly string[]): string[] {
  return statements.map(sql =>
    sql.startsWith('with made') ? 'history, commit' : sql.replace(/in \([^)]*\)/g, 'in (…)'),
  );
}

it('costs the same statements for 10 rows as for 10,000', async () => {
  const t = await createOrm(byDatabase);
  try {
    await t.database.query(`insert into parent values (1), (2);
      insert into child select n, 1 from generate_series(1, 10) n;
      insert into child select n, 2 from generate_series(11, 10010) n;
      insert into grandchild select n, n from generate_series(1, 10010) n`);
    const few = await deleteParent(t, 1);
    const many = await deleteParent(t, 2);
    expect(shape(many)).toEqual(shape(few));
    expect(shape(few)).toEqual([
      'begin',
      'select "p0"."id" from "parent" as "p0" where "p0"."id" in (…) for update',
      'select "c0"."id", "c0"."parent_id" from "child" as "c0" where "c0"."parent_id" in (…) for update',
      'select "g0"."id", "g0"."child_id" from "grandchild" as "g0" where "g0"."child_id" in (…) for update',
      'delete from "parent" where "id" in (…)',
      'history, commit',
    ]);
    expect(await t.database.query('select count(*)::int from revy_object_delta')).toEqual([{ count: 20_022 }]);
  } finally {
    await t.close();
  }
});

it('carries handlers out in as many statements for 10 rows as for 10,000', async () => {
  const t = await createOrm(byHandler);
  try {
    await t.database.query(`insert into parent values (1), (2);
      insert into handled select n, 1 from generate_series(1, 10) n;
      insert into handled select n, 2 from generate_series(11, 10010) n;
      insert into under select n, n from generate_series(1, 10010) n`);
    const few = await deleteParent(t, 1);
    const many = await deleteParent(t, 2);
    expect(shape(many)).toEqual(shape(few));
    expect(shape(few)).toEqual([
      'begin',
      'select "p0"."id" from "parent" as "p0" where "p0"."id" in (…) for update',
      'select "h0"."id", "h0"."parent_id" from "handled" as "h0" where "h0"."parent_id" in (…) for update',
      'select "u0"."id", "u0"."handled_id" from "under" as "u0" where "u0"."handled_id" in (…) for no key update',
      'update "under" set "handled_id" = null where "handled_id" in (…)',
      'delete from "handled" where "id" in (…)',
      'delete from "parent" where "id" in (…)',
      'history, commit',
    ]);
    expect(await t.database.query('select count(*)::int from under where handled_id is null')).toEqual([
      { count: 10_010 },
    ]);
  } finally {
    await t.close();
  }
});

describe('em.nativeDelete', () => {
  const native = (t: TestOrm, id: number) => statementsOf(() => t.orm.em.fork().nativeDelete(Parent, { id }));
  const sameParent = (sql: string) => sql.replace('"id" = 2', '"id" = 1');

  it('costs the same statements for 10 rows as for 10,000', async () => {
    const t = await createOrm(byDatabase);
    try {
      await t.database.query(`insert into parent values (1), (2);
        insert into child select n, 1 from generate_series(1, 10) n;
        insert into child select n, 2 from generate_series(11, 10010) n;
        insert into grandchild select n, n from generate_series(1, 5000) n`);
      const few = await native(t, 1);
      const many = await native(t, 2);
      expect(shape(many.map(sameParent))).toEqual(shape(few));
      expect(shape(few)).toEqual([
        'begin',
        'select "p0"."id" from "parent" as "p0" where "p0"."id" = 1 limit 10001 for update of "p0"',
        'select "p0"."id" from "parent" as "p0" where "p0"."id" in (…) for update',
        'select "c0"."id", "c0"."parent_id" from "child" as "c0" where "c0"."parent_id" in (…) limit 10001 for update',
        'select "g0"."id", "g0"."child_id" from "grandchild" as "g0" where "g0"."child_id" in (…) limit 10001 for update',
        'delete from "parent" where "id" = 1',
        'history, commit',
      ]);
      expect(await t.database.query('select count(*)::int from revy_object_delta')).toEqual([{ count: 15_012 }]);
    } finally {
      await t.close();
    }
  });

  it('carries handlers out in as many statements for 10 rows as for 10,000', async () => {
    const t = await createOrm(byHandler);
    try {
      await t.database.query(`insert into parent values (1), (2);
        insert into handled select n, 1 from generate_series(1, 10) n;
        insert into handled select n, 2 from generate_series(11, 10010) n;
        insert into under select n, n from generate_series(1, 10010) n`);
      const untracked = (id: number) => RevisionContext.runDisabled(() => native(t, id));
      const few = shape(await untracked(1));
      expect(few.filter(sql => !sql.startsWith('select'))).toEqual([
        'begin',
        'update "under" set "handled_id" = null where "handled_id" in (…)',
        'delete from "handled" where "id" in (…)',
        'delete from "parent" where "id" = 1',
        'commit',
      ]);
      expect(shape((await untracked(2)).map(sameParent))).toEqual(few);
    } finally {
      await t.close();
    }
  });

  it('reads nothing more for a class that nothing refers to', async () => {
    const t = await createOrm(byDatabase);
    try {
      await t.database.query('insert into parent values (1); insert into child values (1, 1)');
      await t.database.query('insert into grandchild values (1, 1)');
      const sent = await statementsOf(() => t.orm.em.fork().nativeDelete(Grandchild, {}));
      expect(shape(sent).map(sql => sql.split(' ')[0])).toEqual(['begin', 'select', 'delete', 'history,']);
    } finally {
      await t.close();
    }
  });
});

it('reads nothing for a class that nothing refers to', async () => {
  const t = await createOrm(byDatabase);
  try {
    await t.database.query(
      'insert into parent values (1); insert into child values (1, 1); insert into grandchild values (1, 1)',
    );
    const em = t.orm.em.fork();
    const leaf = await em.findOneOrFail(Grandchild, 1);
    const sent = await statementsOf(() => em.remove(leaf).flush());
    expect(shape(sent)).toEqual(['begin', 'delete from "grandchild" where "id" in (…)', 'history, commit']);
  } finally {
    await t.close();
  }
});
