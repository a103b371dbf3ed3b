import { Collection, defineEntity, p, type Ref } from '@mikro-orm/core';
import { CASCADE, RevisionContext, SET, SET_DEFAULT, SET_NULL, SystemActor } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

class User {
  id!: number;
  name!: string;
  posts = new Collection<Post>(this);
  drafts = new Collection<Draft>(this);
}

class Post {
  id!: number;
  title!: string;
  author!: Ref<User> | null;
  editor!: User | null;
  reviewer!: User | null;
}

/** Goes with its author, where it is loaded too. */
class Draft {
  id!: number;
  title!: string;
  author!: User | null;
}

/** Nobody records these, and they are handled all the same. */
class Visit {
  id!: number;
  user!: User;
}

/** A tree that the database does not hold together. */
class Folder {
  id!: number;
  parent!: Folder | null;
}

class Slot {
  hall!: number;
  seat!: number;
}

class Ticket {
  id!: number;
  slot!: Slot | null;
}

/** What the handlers of a test give; counted, because they are asked once for each group. */
const gives = { author: undefined as unknown, calls: 0, slot: undefined as unknown };
const id = () => p.integer().primary();

const UserSchema = defineEntity({
  class: User,
  properties: {
    id: id(),
    name: p.string(),
    posts: () => p.oneToMany(Post).mappedBy('author'),
    drafts: () => p.oneToMany(Draft).mappedBy('author'),
  },
});

const PostSchema = defineEntity({
  class: Post,
  revy: {
    onDelete: {
      author: SET(() => {
        gives.calls++;
        return gives.author as User;
      }),
      editor: SET_NULL,
      reviewer: SET_DEFAULT,
    },
  },
  properties: {
    id: id(),
    title: p.string(),
    author: () => p.manyToOne(User).ref().nullable().deleteRule('no action'),
    editor: () => p.manyToOne(User).nullable().deleteRule('restrict'),
    reviewer: () => p.manyToOne(User).nullable().default(1).deleteRule('no action'),
  },
});

const DraftSchema = defineEntity({
  class: Draft,
  revy: { onDelete: { author: CASCADE } },
  properties: {
    id: id(),
    title: p.string(),
    author: () => p.manyToOne(User).nullable().deleteRule('no action'),
  },
});

const VisitSchema = defineEntity({
  class: Visit,
  revy: { track: false, onDelete: { user: CASCADE } },
  properties: { id: id(), user: () => p.manyToOne(User) },
});

const FolderSchema = defineEntity({
  class: Folder,
  revy: { onDelete: { parent: CASCADE } },
  properties: { id: id(), parent: () => p.manyToOne(Folder).nullable().deleteRule('no action') },
});

const SlotSchema = defineEntity({
  class: Slot,
  properties: { hall: p.integer().primary(), seat: p.integer().primary() },
});

const TicketSchema = defineEntity({
  class: Ticket,
  revy: { onDelete: { slot: SET(() => gives.slot as Slot) } },
  properties: { id: id(), slot: () => p.manyToOne(Slot).nullable().deleteRule('no action') },
});

let t: TestOrm;

beforeAll(async () => {
  t = await createOrm([UserSchema, PostSchema, DraftSchema, VisitSchema, FolderSchema, SlotSchema, TicketSchema]);
});

afterAll(() => t.close());

beforeEach(async () => {
  await t.database.query(`truncate "user", post, draft, visit, folder, slot, ticket;
    insert into "user" (id, name) values (1, 'nobody'), (2, 'Ada'), (3, 'Bob');
    insert into post (id, title, author_id, editor_id, reviewer_id) values
      (1, 'a', 2, 2, 2), (2, 'b', 2, null, 3), (3, 'c', 3, 2, null);
    insert into draft (id, title, author_id) values (1, 'x', 2), (2, 'y', 3);
    insert into visit (id, user_id) values (1, 2), (2, 3);
    insert into slot (hall, seat) values (1, 1), (1, 2), (2, 1);
    insert into ticket (id, slot_hall, slot_seat) values (1, 1, 2), (2, 2, 1)`);
  await t.forget();
  Object.assign(gives, { author: 1, calls: 0, slot: [1, 1] });
});

async function remove(userId: number): Promise<void> {
  const em = t.orm.em.fork();
  await em.remove(await em.findOneOrFail(User, userId)).flush();
}

const posts = () =>
  t.database.query(
    'select id, author_id as author, editor_id as editor, reviewer_id as reviewer from post order by id',
  );

const HANDLED = [
  { id: 1, author: 1, editor: null, reviewer: 1 },
  { id: 2, author: 1, editor: null, reviewer: 3 },
  { id: 3, author: 3, editor: null, reviewer: null },
];

it('carries handlers out before the parent goes, and records them as the system', async () => {
  await RevisionContext.run({ deletionDescription: 'Ada left' }, () => remove(2));
  expect(await posts()).toEqual(HANDLED);
  expect(await t.database.query('select id from draft')).toEqual([{ id: 2 }]);
  const system = { actor: null, description: 'Ada left', revision: 1 };
  const deltas = await t.deltas();
  expect(deltas.toSorted((a, b) => a.object.localeCompare(b.object))).toEqual([
    { object: 'Draft:1', action: 'delete', old: { title: 'x', author: 2 }, new: null, ...system },
    {
      object: 'Post:1',
      action: 'update',
      old: { author: 2, editor: 2, reviewer: 2 },
      new: { author: 1, editor: null, reviewer: 1 },
      ...system,
    },
    { object: 'Post:2', action: 'update', old: { author: 2 }, new: { author: 1 }, ...system },
    { object: 'Post:3', action: 'update', old: { editor: 2 }, new: { editor: null }, ...system },
    { object: 'User:2', action: 'delete', old: { name: 'Ada' }, new: null, ...system, description: null },
  ]);
});

it('handles rows of classes that nobody records', async () => {
  await remove(2);
  expect(await t.database.query('select id from visit')).toEqual([{ id: 2 }]);
});

it('does its work where tracking is disabled, and records nothing', async () => {
  await RevisionContext.runDisabled(() => remove(2));
  expect(await posts()).toEqual(HANDLED);
  expect(await t.database.query('select id from draft')).toEqual([{ id: 2 }]);
  expect(await t.deltas()).toEqual([]);
});

it.each(['recorded', 'disabled'])('tells nobody in memory of what a savepoint has taken back: %s', async how => {
  const em = t.orm.em.fork();
  const draft = await em.findOneOrFail(Draft, 1);
  const author = await em.findOneOrFail(User, 2);
  await em.transactional(async outer => {
    const nested = outer.transactional(async inner => {
      inner.remove(author);
      await (how === 'disabled' ? RevisionContext.runDisabled(() => inner.flush()) : inner.flush());
      expect(await inner.execute('select id from draft')).toEqual([{ id: 2 }]);
      throw new Error('given up');
    });
    await expect(nested).rejects.toThrow('given up');
    expect(outer.getUnitOfWork().getIdentityMap().getByEntity(draft)).toBe(draft);
    outer.clear();
  });
  expect(await t.database.query('select id from draft order by id')).toEqual([{ id: 1 }, { id: 2 }]);
  expect(await t.deltas()).toEqual([]);
});

it('asks a function once for each group of deletions', async () => {
  const em = t.orm.em.fork();
  for (const user of await em.find(User, { id: { $gt: 1 } })) em.remove(user);
  await em.flush();
  expect(gives.calls).toBe(1);
  expect((await posts()).map(post => post.author)).toEqual([1, 1, 1]);
});

it.each([
  ['an entity', () => t.orm.em.fork().getReference(User, 1)],
  ['a promise of one', () => t.orm.em.fork().findOneOrFail(User, 1)],
  ['a key by name', () => ({ id: 1 })],
  ['null', () => null],
])('sets what a function gives: %s', async (_, give) => {
  gives.author = await give();
  await remove(2);
  const expected = gives.author === null ? null : 1;
  expect((await posts()).map(post => post.author)).toEqual([expected, expected, 3]);
  expect((await t.attributes()).find(row => row.object === 'Post:2')).toMatchObject({ old: 2, new: expected });
});

it.each([
  ['an array', () => [1, 1]],
  ['an object', () => ({ hall: 1, seat: 1 })],
  ['an entity', () => t.orm.em.fork().getReference(Slot, [1, 1] as never)],
])('sets a composite key: %s', async (_, give) => {
  gives.slot = give();
  const em = t.orm.em.fork();
  await em.remove(await em.findOneOrFail(Slot, { hall: 1, seat: 2 })).flush();
  expect(await t.database.query('select * from ticket order by id')).toEqual([
    { id: 1, slot_hall: 1, slot_seat: 1 },
    { id: 2, slot_hall: 2, slot_seat: 1 },
  ]);
  expect((await t.deltas())[1]).toMatchObject({ object: 'Ticket:1', old: { slot: [1, 2] }, new: { slot: [1, 1] } });
});

it.each([undefined, [1], 5])('refuses %p as a composite key, whole', async value => {
  gives.slot = value;
  const em = t.orm.em.fork();
  em.remove(await em.findOneOrFail(Slot, { hall: 1, seat: 2 }));
  const shown = JSON.stringify(value)?.replace('[1]', '[ 1 ]') ?? 'undefined';
  await expect(em.flush()).rejects.toThrow(
    `Cannot set Ticket.slot to ${shown}, as its handler says: that is no key, and no entity that has one. ` +
      'Return an entity that is in the database, its key, or null.',
  );
  expect(await t.database.query('select count(*)::int as slots from slot')).toEqual([{ slots: 3 }]);
});

describe('where the children are loaded', () => {
  it('does what the handler says, although MikroORM unsets their relation first', async () => {
    const em = t.orm.em.fork();
    const ada = await em.findOneOrFail(User, 2, { populate: ['posts', 'drafts'] });
    const [post] = ada.posts;
    post!.title = 'changed too';
    await RevisionContext.run({ actor: new SystemActor('clerk'), deletionDescription: 'gone' }, () =>
      em.remove(ada).flush(),
    );
    expect(await posts()).toEqual(HANDLED);
    expect(await t.database.query('select id from draft')).toEqual([{ id: 2 }]);
    const by = (await t.attributes()).filter(row => row.object === 'Post:1');
    expect(by.map(({ attribute, actor, description }) => ({ attribute, actor, description }))).toEqual([
      { attribute: 'author', actor: null, description: 'gone' },
      { attribute: 'editor', actor: null, description: 'gone' },
      { attribute: 'reviewer', actor: null, description: 'gone' },
      { attribute: 'title', actor: 'system:clerk', description: null },
    ]);
    expect((await t.deltas()).find(delta => delta.object === 'Post:1')).toMatchObject({
      old: { title: 'a', author: 2, editor: 2, reviewer: 2 },
      new: { title: 'changed too', author: 1, editor: null, reviewer: 1 },
    });
  });

  it('leaves alone what the application itself unset', async () => {
    const em = t.orm.em.fork();
    const ada = await em.findOneOrFail(User, 2, { populate: ['drafts'] });
    ada.drafts[0]!.author = null;
    await em.remove(ada).flush();
    expect(await t.database.query('select id, author_id from draft order by id')).toEqual([
      { id: 1, author_id: null },
      { id: 2, author_id: 3 },
    ]);
  });

  it('has told the entity manager, whose next flush has nothing to do', async () => {
    const em = t.orm.em.fork();
    const ada = await em.findOneOrFail(User, 2, { populate: ['posts', 'drafts'] });
    const [post] = ada.posts;
    const [draft] = ada.drafts;
    await em.remove(ada).flush();
    expect(post!.author!.id).toBe(1);
    expect(post!.editor).toBeNull();
    expect(em.getUnitOfWork().getIdentityMap().values()).not.toContain(draft);
    expect(await statementsOf(() => em.flush())).toEqual([]);
    post!.title = 'after';
    await em.flush();
    expect(await posts()).toEqual(HANDLED);
  });
});

describe('CASCADE on a tree', () => {
  it.each([
    ['deepest first', '(1, null), (2, 1), (3, 2), (4, 2), (5, null)', [5]],
    ['through a circle', '(1, 3), (2, 1), (3, 2), (4, 3), (5, null)', [5]],
    ['and a row that is its own parent', '(1, 1), (2, 1), (3, 3), (4, 3), (5, null)', [3, 4, 5]],
  ])('deletes %s', async (_, rows, left) => {
    await t.database.query(`alter table folder disable trigger all; insert into folder (id, parent_id) values ${rows};
      alter table folder enable trigger all`);
    const em = t.orm.em.fork();
    await em.remove(await em.findOneOrFail(Folder, 1)).flush();
    expect((await t.database.query('select id from folder order by id')).map(row => row.id)).toEqual(left);
    const gone = [1, 2, 3, 4].filter(one => !left.includes(one)).map(one => `Folder:${one}`);
    expect((await t.deltas()).map(delta => `${delta.action} ${delta.object}`).toSorted()).toEqual(
      gone.map(one => `delete ${one}`),
    );
  });
});
