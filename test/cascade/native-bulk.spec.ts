import { Collection, defineEntity, p } from '@mikro-orm/core';
import { CASCADE, RevisionContext, SystemActor } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';

class Label {
  id!: number;
}

class Parent {
  id!: number;
  name!: string;
  labels = new Collection<Label>(this);
}

class Child {
  id!: number;
  parent!: Parent;
  name!: string;
}

/** Two ways lead to it, one of which only unsets a key. */
class Note {
  id!: number;
  child!: Child | null;
  parent!: Parent | null;
}

/** Goes by a handler. */
class Task {
  id!: number;
  parent!: Parent;
}

const id = () => p.integer().primary();
const LabelSchema = defineEntity({ class: Label, properties: { id: id() } });
const ParentSchema = defineEntity({
  class: Parent,
  properties: { id: id(), name: p.string(), labels: () => p.manyToMany(Label) },
});
const ChildSchema = defineEntity({
  class: Child,
  properties: { id: id(), parent: () => p.manyToOne(Parent).index().deleteRule('cascade'), name: p.string() },
});
const NoteSchema = defineEntity({
  class: Note,
  properties: {
    id: id(),
    child: () => p.manyToOne(Child).index().nullable().deleteRule('set null'),
    parent: () => p.manyToOne(Parent).index().nullable().deleteRule('cascade'),
  },
});
const TaskSchema = defineEntity({
  class: Task,
  revy: { onDelete: { parent: CASCADE } },
  properties: { id: id(), parent: () => p.manyToOne(Parent).index().deleteRule('no action') },
});

let t: TestOrm;
let statements: string[] = [];

beforeAll(async () => {
  t = await createOrm([LabelSchema, ParentSchema, ChildSchema, NoteSchema, TaskSchema]);
  t.orm.config.getLogger().logQuery = ({ query }) => void statements.push(query!);
});

afterAll(() => t.close());

/**
 * `parents` parents with `children` children in all, a task for each parent, and a note for each child: of three notes,
 * one hangs on the child, one on the child and on a parent that may be far away, and one on nothing that goes.
 */
async function fill(parents: number, children: number): Promise<void> {
  await t.database.query(`truncate label, parent, parent_labels, child, note, task;
    insert into label values (1);
    insert into parent select n, 'parent ' || n from generate_series(1, ${parents}) n;
    insert into child select n, 1 + n % ${parents}, 'child ' || n from generate_series(1, ${children}) n;
    insert into note select n, case when n % 3 < 2 then n end, case when n % 3 = 1 then 1 + n * 7 % ${parents} end
      from generate_series(1, ${children}) n;
    insert into parent_labels select id, 1 from parent;
    insert into task select n, n from generate_series(1, ${parents}) n`);
  await t.forget();
  statements = [];
}

/** Totals by class, action and actor, because so many rows are too many to look at. */
async function recorded(): Promise<object[]> {
  return t.database.query(`select object_type as type, action, actor_id as actor, count(*)::int as deltas,
      count(distinct object_id)::int as objects, count(*) filter (where old_values = '{}')::int as empty
    from revy_object_delta group by 1, 2, 3 order by 1, 2`);
}

async function remove(): Promise<number> {
  const context = { actor: new SystemActor('janitor'), deletionDescription: 'went along' };
  return RevisionContext.run(context, () => t.orm.em.fork().nativeDelete(Parent, {}));
}

const total = (type: string, action: string, objects: number, actor: string | null = null) => ({
  type,
  action,
  actor,
  deltas: objects,
  objects,
  empty: 0,
});

describe('em.nativeDelete of more rows than are held at a time', () => {
  it.each([
    ['many parents', 11_000, 12_000],
    ['one parent', 1, 12_000],
  ])('records each row that goes along once, with its values: %s', async (_, parents, children) => {
    await fill(parents, children);
    expect(await remove()).toBe(parents);
    const each = (rest: number) =>
      Array.from({ length: children }, (_n, i) => i + 1).filter(n => n % 3 === rest).length;
    expect(await recorded()).toEqual([
      total('Child', 'delete', children),
      total('Note', 'delete', each(1)),
      total('Note', 'update', each(0)),
      total('Parent', 'delete', parents, 'janitor'),
      total('Task', 'delete', parents),
    ]);
    expect(await t.revisions()).toHaveLength(1);
    const [sum] = await t.database.query<{ names: number }>(`select count(*)::int as names from revy_object_delta
      where object_type = 'Child' and old_values->>'name' = 'child ' || object_id`);
    expect(sum).toEqual({ names: children });
    const linked = await t.database.query(`select count(*)::int from revy_object_delta
      where object_type = 'Parent' and old_values->'labels' = '{"added": [], "removed": [1]}'`);
    expect(linked).toEqual([{ count: parents }]);
    expect(await t.database.query('select count(*)::int as left from note')).toEqual([{ left: each(0) + each(2) }]);
    expect(await t.database.query('select count(*)::int as left from task')).toEqual([{ left: 0 }]);
  });

  it('takes one more statement for each 10,000 rows of a class, and no more', async () => {
    const selects = () => statements.filter(statement => statement.startsWith('select')).length;
    await fill(1, 11_000);
    await remove();
    const few = selects();
    await fill(1, 21_000);
    await remove();
    // children and notes are read one time more, each
    expect(selects()).toBe(few + 1);
  });
});
