import { Collection, defineEntity, type EntityManager, p } from '@mikro-orm/core';
import { CASCADE, RevisionContext, SET, SET_NULL, SystemActor, UnsafeBypassError } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { asDeltas, installWitness, sorted, withoutLinks, witnessed } from './witness.js';

/** Not tracked, and tracked users hang on it. */
class Site {
  id!: number;
}

class User {
  id!: number;
  name!: string;
  site!: Site;
}

class Post {
  id!: number;
  title!: string;
  author!: User;
  editor!: User | null;
  tags = new Collection<Tag>(this);
}

class Tag {
  id!: number;
}

/** The database has no rule for it. */
class Report {
  id!: number;
  reporter!: User;
  reviewer!: User | null;
  post!: Post | null;
}

/** Nobody records it, and it is handled all the same. */
class Visit {
  id!: number;
  user!: User;
}

/** A tree that a handler holds together: deleting some of its rows takes along others that are named as well. */
class Folder {
  id!: number;
  parent!: Folder | null;
}

class Animal {
  id!: number;
  name!: string;
}

class Dog extends Animal {
  bark!: string;
}

/** Of one table with a class that is not tracked. */
class Vehicle {
  id!: number;
  kind!: string;
  name!: string;
}

class Bike extends Vehicle {}

const id = () => p.integer().primary();
const SiteSchema = defineEntity({ class: Site, revy: { track: false }, properties: { id: id() } });
const UserSchema = defineEntity({
  class: User,
  properties: { id: id(), name: p.string(), site: () => p.manyToOne(Site).deleteRule('cascade') },
});
const TagSchema = defineEntity({ class: Tag, properties: { id: id() } });
const PostSchema = defineEntity({
  class: Post,
  properties: {
    id: id(),
    title: p.string(),
    author: () => p.manyToOne(User).deleteRule('cascade'),
    editor: () => p.manyToOne(User).nullable().deleteRule('set null'),
    tags: () => p.manyToMany(Tag),
  },
});
const ReportSchema = defineEntity({
  class: Report,
  revy: { onDelete: { reporter: CASCADE, reviewer: SET(() => 1), post: SET_NULL } },
  properties: {
    id: id(),
    reporter: () => p.manyToOne(User).deleteRule('no action'),
    reviewer: () => p.manyToOne(User).nullable().deleteRule('no action'),
    post: () => p.manyToOne(Post).nullable().deleteRule('no action'),
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
const AnimalSchema = defineEntity({ class: Animal, inheritance: 'tpt', properties: { id: id(), name: p.string() } });
const DogSchema = defineEntity({ class: Dog, extends: AnimalSchema, properties: { bark: p.string() } });
const VehicleSchema = defineEntity({
  class: Vehicle,
  discriminatorColumn: 'kind',
  discriminatorValue: 'vehicle',
  properties: { id: id(), kind: p.string(), name: p.string() },
});
const BikeSchema = defineEntity({
  class: Bike,
  extends: VehicleSchema,
  discriminatorValue: 'bike',
  revy: { track: false },
  properties: {},
});

const ENTITIES = [
  SiteSchema,
  UserSchema,
  TagSchema,
  PostSchema,
  ReportSchema,
  VisitSchema,
  FolderSchema,
  AnimalSchema,
  DogSchema,
  VehicleSchema,
  BikeSchema,
];
const WITNESSED = [User, Post, Report, Folder];

let t: TestOrm;

beforeAll(async () => {
  t = await createOrm(ENTITIES);
  await installWitness(t);
});

afterAll(() => t.close());

const ROWS = `insert into site values (1), (2);
  insert into "user" values (1, 'nobody', 1), (2, 'Ada', 2), (3, 'Bob', 2);
  insert into tag values (1), (2);
  insert into post (id, title, author_id, editor_id) values (1, 'a', 2, 3), (2, 'b', 3, 2), (3, 'c', 3, null);
  insert into post_tags values (1, 1), (1, 2), (2, 1);
  insert into report values (1, 2, 3, 2), (2, 3, 2, 1);
  insert into visit values (1, 2), (2, 3);
  insert into folder values (1, null), (2, 1), (3, 2), (4, null);
  insert into animal values (1, 'rex'), (2, 'kit'); insert into dog (id, bark) values (1, 'wuff');
  insert into vehicle (id, kind, name) values (1, 'vehicle', 'cart'), (2, 'bike', 'bmx')`;

beforeEach(async () => {
  await t.database.query(`truncate site, "user", tag, post, post_tags, report, visit, folder, animal, dog, vehicle;
    ${ROWS}; truncate witness`);
  await t.forget();
});

const told = async (of: TestOrm = t) =>
  (await of.deltas())
    .map(({ object, action, old, new: after }) => ({ object, action, old, new: after }))
    .toSorted((a, b) => a.object.localeCompare(b.object));

async function expectWitnessed(): Promise<void> {
  const metas = WITNESSED.map(one => t.orm.getMetadata().get(one as never));
  const names = metas.map(meta => meta.className);
  const seen = withoutLinks(await t.deltas(), ['tags']).filter(one => names.includes(one.object.split(':')[0]!));
  expect(sorted(seen)).toEqual(sorted(asDeltas(await witnessed(t.database, t.orm), metas)));
}

const ADA = { object: 'User:2', action: 'delete', old: { name: 'Ada', site: 2 }, new: null };

/** What goes along with Ada: through rules, through handlers, and with the post of hers that a report is about. */
const ALONG = [
  {
    object: 'Post:1',
    action: 'delete',
    old: { title: 'a', author: 2, editor: 3, tags: { added: [], removed: [1, 2] } },
    new: null,
  },
  { object: 'Post:2', action: 'update', old: { editor: 2 }, new: { editor: null } },
  { object: 'Report:1', action: 'delete', old: { reporter: 2, reviewer: 3, post: 2 }, new: null },
  { object: 'Report:2', action: 'update', old: { reviewer: 2, post: 1 }, new: { reviewer: 1, post: null } },
];

const WAYS: readonly (readonly [string, (em: EntityManager) => Promise<unknown>])[] = [
  ['alone', em => em.nativeDelete(User, { name: 'Ada' })],
  ['in the transaction that is open', em => em.transactional(inner => inner.nativeDelete(User, 2))],
  ['by a repository', em => em.getRepository(User).nativeDelete({ id: [2, 99] })],
];

describe('em.nativeDelete', () => {
  it.each(WAYS)('records what goes along, and carries handlers out: %s', async (_, run) => {
    const em = t.orm.em.fork();
    const values = {
      actor: new SystemActor('janitor'),
      objectDeltaDescription: 'asked for',
      deletionDescription: 'The account is closed.',
    };
    expect(await RevisionContext.run(values, () => run(em))).toBe(1);
    expect(await told()).toEqual([...ALONG, ADA]);
    const said = (await t.deltas()).map(({ object, actor, description }) => ({ object, actor, description }));
    const system = { actor: null, description: 'The account is closed.' };
    expect(said.toSorted((a, b) => a.object.localeCompare(b.object))).toEqual([
      ...ALONG.map(({ object }) => ({ object, ...system })),
      { object: 'User:2', actor: 'system:janitor', description: 'asked for' },
    ]);
    expect(await t.revisions()).toHaveLength(1);
    expect(await t.database.query('select id from visit')).toEqual([{ id: 2 }]);
    await expectWitnessed();
  });

  it('tells of links on the objects that own them, and with those that come back', async () => {
    await t.orm.em.fork().nativeDelete(Post, { id: 1 });
    expect((await told())[0]).toEqual(ALONG[0]);
    await t.database.query("insert into post values (1, 'a', 2, 3); insert into post_tags values (1, 1), (1, 2)");
    await t.forget();
    await t.orm.em.fork().nativeDelete(Tag, { id: 1 });
    expect(await told()).toEqual([
      { object: 'Post:1', action: 'update', old: {}, new: { tags: { added: [], removed: [1] } } },
      { object: 'Post:2', action: 'update', old: {}, new: { tags: { added: [], removed: [1] } } },
      { object: 'Tag:1', action: 'delete', old: {}, new: null },
    ]);
    await t.forget();
    await t.orm.em.fork().nativeDelete(Post, { id: 2 });
    expect((await told()).filter(({ object }) => object.startsWith('Post'))).toEqual([
      { object: 'Post:2', action: 'delete', old: { title: 'b', author: 3, editor: 2 }, new: null },
    ]);
    await t.forget();
    await t.orm.em.fork().transactional(async em => {
      await em.nativeDelete(Post, { id: 1 });
      await em.insert(Post, { id: 1, title: 'a', author: 2, editor: 3 });
    });
    expect((await told()).filter(({ object }) => object.startsWith('Post'))).toEqual([
      { object: 'Post:1', action: 'update', old: {}, new: { tags: { added: [], removed: [2] } } },
    ]);
  });

  it('records what goes along with a class that is not tracked', async () => {
    await RevisionContext.run({ deletionDescription: 'site closed' }, () => t.orm.em.fork().nativeDelete(Site, 2));
    const deltas = await t.deltas();
    expect(deltas.map(({ object }) => object).toSorted()).toEqual([
      'Post:1',
      'Post:2',
      'Post:3',
      'Report:1',
      'Report:2',
      'User:2',
      'User:3',
    ]);
    expect(deltas.every(({ actor, description }) => actor === null && description === 'site closed')).toBe(true);
    await expectWitnessed();
  });

  it('keeps the rows that the caller named his, whatever else leads to them', async () => {
    const context = { actor: new SystemActor('janitor'), deletionDescription: 'went along' };
    const deleted = await RevisionContext.run(context, () => t.orm.em.fork().nativeDelete(Folder, { id: [1, 2, 4] }));
    expect(deleted).toBe(3);
    expect((await t.deltas()).map(({ object, actor, description }) => ({ object, actor, description }))).toEqual([
      { object: 'Folder:3', actor: null, description: 'went along' },
      { object: 'Folder:1', actor: 'system:janitor', description: null },
      { object: 'Folder:2', actor: 'system:janitor', description: null },
      { object: 'Folder:4', actor: 'system:janitor', description: null },
    ]);
    await expectWitnessed();
  });

  it('is taken back with its savepoint', async () => {
    await t.orm.em.fork().transactional(async em => {
      await em
        .transactional(async inner => {
          await inner.nativeDelete(User, 2);
          throw new Error('no');
        })
        .catch(() => undefined);
      await em.nativeDelete(Folder, 4);
    });
    expect((await told()).map(({ object }) => object)).toEqual(['Folder:4']);
    await expectWitnessed();
  });

  it('lets an object of several tables go on as what is left of it', async () => {
    await t.orm.em.fork().nativeDelete(Dog, {});
    expect(await told()).toEqual([
      { object: 'Animal:1', action: 'create', old: null, new: { name: 'rex' } },
      { object: 'Dog:1', action: 'delete', old: { name: 'rex', bark: 'wuff' }, new: null },
    ]);
    expect(await t.database.query('select id from animal order by id')).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it('deletes and updates the rows of a class that is not tracked along with those of one that is', async () => {
    const em = t.orm.em.fork();
    expect(await em.nativeUpdate(Vehicle, {}, { name: 'x' })).toBe(2);
    expect(await t.database.query('select distinct name from vehicle')).toEqual([{ name: 'x' }]);
    expect(await em.nativeDelete(Vehicle, {})).toBe(2);
    expect((await told()).map(({ object, action }) => `${action} ${object}`)).toEqual([
      'update Vehicle:1',
      'delete Vehicle:1',
    ]);
    expect(await t.database.query('select * from vehicle')).toEqual([]);
  });

  it('fails whole where a constraint holds, and records nothing', async () => {
    await t.database.query('create table hold (id int references post)');
    try {
      await t.database.query('insert into hold values (1)');
      await expect(t.orm.em.fork().nativeDelete(User, 2)).rejects.toThrow(/foreign key/);
      expect(await told()).toEqual([]);
      expect(await t.database.query('select count(*)::int from report')).toEqual([{ count: 2 }]);
    } finally {
      await t.database.query('drop table hold');
    }
  });

  it('is refused, whole, where a trigger keeps a row in whose dependants have been recorded', async () => {
    await t.database.query(`create function keep() returns trigger language plpgsql as
      $$ begin if old.id = 2 then return null; end if; return old; end $$`);
    await t.database.query('create trigger keep before delete on "user" for each row execute function keep()');
    try {
      await expect(t.orm.em.fork().nativeDelete(User, { id: [2, 3] })).rejects.toThrow(
        new UnsafeBypassError(
          'em.nativeDelete()',
          'User',
          'the database kept 1 of the rows, and the history has recorded what would have gone along with them',
          'Narrow the condition down to rows that the database lets go.',
        ),
      );
      expect(await t.database.query('select count(*)::int from "user"')).toEqual([{ count: 3 }]);
      expect(await told()).toEqual([]);
    } finally {
      await t.database.query('drop trigger keep on "user"; drop function keep');
    }
  });
});

const HANDLED = {
  reports: [{ id: 2, reporter: 3, reviewer: 1, post: null }],
  visits: [{ id: 2 }],
};

async function handled({ database }: TestOrm): Promise<object> {
  const reports = await database.query(
    'select id, reporter_id reporter, reviewer_id reviewer, post_id post from report',
  );
  return { reports, visits: await database.query('select id from visit') };
}

describe('handlers do their work along with em.nativeDelete, unrecorded', () => {
  it.each(WAYS)('where tracking is disabled: %s', async (_, run) => {
    expect(await RevisionContext.runDisabled(() => run(t.orm.em.fork()))).toBe(1);
    expect(await handled(t)).toEqual(HANDLED);
    expect(await told()).toEqual([]);
  });

  it('counts the rows that the caller named, also those that a handler was first to delete', async () => {
    const remove = () => t.orm.em.fork().nativeDelete(Folder, { id: [1, 2, 4] });
    expect(await RevisionContext.runDisabled(remove)).toBe(3);
    expect(await t.database.query('select * from folder')).toEqual([]);
  });

  it('as one with the deletion: if it fails, they have done nothing', async () => {
    await t.database.query('create table hold (id int references "user")');
    try {
      await t.database.query('insert into hold values (2)');
      const remove = () => t.orm.em.fork().nativeDelete(User, 2);
      await expect(RevisionContext.runDisabled(remove)).rejects.toThrow(/foreign key/);
      expect(await t.database.query('select count(*)::int from report')).toEqual([{ count: 2 }]);
    } finally {
      await t.database.query('drop table hold');
    }
  });

  it.each([
    ['native writes are not captured', { revy: { bypass: { native: 'ignore' } } }],
    ['nothing is recorded outside a context', { revy: { outsideContext: 'ignore' } }],
    ['there are no transactions', { revy: { outsideContext: 'ignore' }, config: { implicitTransactions: false } }],
  ] as const)('where %s', async (_, options) => {
    const other = await createOrm(ENTITIES, options);
    try {
      await other.database.query(ROWS);
      expect(await other.orm.em.fork().nativeDelete(User, { name: 'Ada' })).toBe(1);
      expect(await handled(other)).toEqual(HANDLED);
      expect(await told(other)).toEqual([]);
    } finally {
      await other.close();
    }
  });
});

it('is refused where what goes along could not be recorded: outside a transaction, outside a context', async () => {
  const bare = await createOrm(ENTITIES, { config: { implicitTransactions: false } });
  const strict = await createOrm(ENTITIES, { revy: { outsideContext: 'throw' } });
  try {
    for (const one of [bare, strict]) {
      await one.database.query(ROWS);
      const removal = one.orm.em.fork().nativeDelete(Site, 2);
      await expect(removal).rejects.toThrow(/^Cannot write Site: no (transaction|revision context)/);
      expect(await one.database.query('select count(*)::int from site')).toEqual([{ count: 2 }]);
    }
  } finally {
    await bare.close();
    await strict.close();
  }
});
