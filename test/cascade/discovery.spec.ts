import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { Entity, ManyToOne, PrimaryKey } from '@mikro-orm/decorators/legacy';
import { CASCADE, OnDelete, type OnDeleteHandler, revy, SET_NULL, Tracked } from '@revy/mikro-orm';
import { createOrm } from '../support/orm.js';

class Parent {
  id!: number;
}

class Child {
  id!: number;
  parent!: Parent | null;
}

const ParentSchema = defineEntity({ class: Parent, properties: { id: p.integer().primary() } });

/** What discovery says of a relation with this rule of the database, and this handler. */
async function discover(rule: string | undefined, handler: OnDeleteHandler, name = 'parent'): Promise<unknown> {
  const parent = p.manyToOne(Parent).nullable();
  const schema = defineEntity({
    class: Child,
    revy: { onDelete: { [name]: handler } },
    properties: { id: p.integer().primary(), parent: () => (rule ? parent.deleteRule(rule) : parent) },
  });
  const orm = await MikroORM.init({
    dbName: 'none',
    connect: false,
    entities: [ParentSchema, schema],
    extensions: [revy()],
  } as never).catch((error: unknown) => error);
  return orm instanceof Error ? orm.message : 'fine';
}

it('refuses a handler that contradicts the rule of the database, whole', async () => {
  expect(await discover('cascade', SET_NULL)).toBe(
    'Cannot handle deletions on Child.parent: the database has the rule "cascade" for it, and the handler says ' +
      `"set null". Give the relation deleteRule: 'no action' (nullable relations have 'set null' by default), ` +
      'or remove the handler.',
  );
  expect(await discover(undefined, CASCADE)).toContain(
    'has the rule "set null" for it, and the handler says "cascade"',
  );
});

it('takes a handler that repeats the rule, and one where the database has no rule', async () => {
  expect(await discover('cascade', CASCADE)).toBe('fine');
  expect(await discover('restrict', CASCADE)).toBe('fine');
  expect(await discover('no action', SET_NULL)).toBe('fine');
});

it('refuses a handler where it would never be called, whole', async () => {
  expect(await discover('no action', CASCADE, 'id')).toBe(
    'Cannot handle deletions on Child.id: it is no relation that its own table holds. ' +
      'Put the handler on the to-one relation whose table holds the foreign key.',
  );
  expect(await discover('no action', CASCADE, 'typo')).toContain('Child.typo: it is no relation');
});

@Entity()
class Tree {
  @PrimaryKey({ type: 'integer' })
  id!: number;
}

@Entity()
class Leaf {
  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Tracked({ mask: true })
  @OnDelete(CASCADE)
  @ManyToOne({ entity: () => Tree })
  tree!: Tree;

  @ManyToOne({ entity: () => Tree, nullable: true, deleteRule: 'no action', revy: { onDelete: SET_NULL } })
  other!: Tree | null;
}

it('hears of handlers by decorators, and by the options of a property', async () => {
  const t = await createOrm([Tree, Leaf]);
  try {
    await t.database.query('insert into tree values (1), (2); insert into leaf values (1, 1, 2), (2, 2, 1)');
    const em = t.orm.em.fork();
    await em.remove(await em.findOneOrFail(Tree, 1)).flush();
    expect(await t.database.query('select * from leaf')).toEqual([{ id: 2, tree_id: 2, other_id: null }]);
    expect((await t.deltas()).find(delta => delta.object === 'Leaf:1')!.old).toEqual({ tree: '[FILTERED]', other: 2 });
  } finally {
    await t.close();
  }
});

class Marked {
  id!: number;
  parent!: Parent | null;
}

it('hears of handlers by ES decorators', async () => {
  const metadata = {};
  OnDelete(CASCADE)(undefined, { kind: 'field', name: 'parent', metadata });
  const key = (Symbol as { metadata?: symbol }).metadata ?? Symbol.for('Symbol.metadata');
  Object.defineProperty(Marked, key, { value: metadata });
  const schema = defineEntity({
    class: Marked,
    properties: { id: p.integer().primary(), parent: () => p.manyToOne(Parent).nullable().deleteRule('no action') },
  });
  const t = await createOrm([ParentSchema, schema]);
  try {
    await t.database.query('insert into parent values (1); insert into marked values (1, 1), (2, null)');
    const em = t.orm.em.fork();
    await em.remove(await em.findOneOrFail(Parent, 1)).flush();
    expect(await t.database.query('select id from marked')).toEqual([{ id: 2 }]);
  } finally {
    await t.close();
  }
});

it('goes by the defaults of the schema generator', async () => {
  const schema = defineEntity({
    class: Child,
    properties: { id: p.integer().primary(), parent: () => p.manyToOne(Parent) },
  });
  const t = await createOrm([ParentSchema, schema], { config: { schemaGenerator: { defaultDeleteRule: 'cascade' } } });
  const none = await createOrm([ParentSchema, schema], {
    config: { schemaGenerator: { defaultDeleteRule: 'cascade', createForeignKeyConstraints: false } },
  });
  try {
    for (const one of [t, none]) {
      await one.database.query('insert into parent values (1); insert into child values (1, 1)');
      const em = one.orm.em.fork();
      await em.remove(await em.findOneOrFail(Parent, 1)).flush();
    }
    expect((await t.deltas()).map(delta => delta.object)).toEqual(['Parent:1', 'Child:1']);
    expect((await none.deltas()).map(delta => delta.object)).toEqual(['Parent:1']);
  } finally {
    await t.close();
    await none.close();
  }
});
