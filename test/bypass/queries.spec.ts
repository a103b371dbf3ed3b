import { defineEntity, p, raw } from '@mikro-orm/core';
import { Migration, Migrator } from '@mikro-orm/migrations';
import type { EntityManager } from '@mikro-orm/postgresql';
import { ObjectDelta, RevisionContext, type RevyOptions, UnsafeBypassError } from '@revy/mikro-orm';
import { BLOG, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

const Note = defineEntity({
  name: 'Note',
  revy: { track: false },
  properties: { id: p.integer().primary().autoincrement(), text: p.string() },
});

// As much of Kysely's types as the calls below need: its own follow from a schema that the test has none of.
interface Db {
  insertInto(table: string): { values(row: object): { execute(): Promise<unknown> } };
  updateTable(table: string): Changing & { set(row: object): Changing };
  deleteFrom(table: string): Changing;
  selectFrom(table: string): { selectAll(): { execute(): Promise<unknown> } };
  with(name: string, make: (db: Db) => object): Db;
  withSchema(schema: string): Db;
}
interface Changing {
  where(column: string, operator: string, value: unknown): Changing;
  returningAll(): Changing;
  execute(): Promise<unknown>;
}

const kysely = (em: EntityManager) => em.getKysely() as unknown as Db;

let t: TestOrm;
const warnings: string[] = [];

async function start(revy: RevyOptions = {}): Promise<void> {
  t = await createOrm([...BLOG, Note], { revy });
  t.orm.config.getLogger().warn = (namespace, message) => void warnings.push(`${namespace}: ${message}`);
  await RevisionContext.runDisabled(async () =>
    t.orm.em.fork().insert(Post, { title: 'one', views: 0, meta: null, slug: null }),
  );
  warnings.length = 0;
}

afterEach(async () => {
  warnings.length = 0;
  await t.close();
});

/** Without the place in the code, which the message names. */
function said(): string[] {
  return warnings.map(warning => warning.replace(/ at [^:]*\(?[^ ]*queries\.spec\.ts:\d+:\d+\)?/, ' at here'));
}

const WRITES: Readonly<Record<string, (em: EntityManager) => Promise<unknown>>> = {
  'QueryBuilder.insert': em => em.createQueryBuilder(Tag).insert({ name: 'x' }).execute(),
  'QueryBuilder.update': em => em.qb(Post).update({ title: 'x' }).where({ id: 1 }).execute(),
  'QueryBuilder.delete': em => em.getRepository(Post).createQueryBuilder().delete({ id: 1 }).execute('run'),
  'QueryBuilder.truncate': em => em.createQueryBuilder(Tag).truncate().execute(),
  'QueryBuilder.clone': em => em.createQueryBuilder(Post).update({ title: 'x' }).where({ id: 1 }).clone().execute(),
  'em.execute': em => em.execute('update post set title = ?', ['x']),
  'em.execute with raw': em => em.execute(raw('delete from "post" where id = ?', [1]) as never),
  'em.execute of a link table': em => em.execute('insert into post_tags (post_id, tag_id) select 1, 1 where false'),
  'em.execute of several statements': em => em.execute(`select 1; update post set title = 'x'`),
  'connection.execute': em => em.getConnection().execute('with x as (select 1) delete from public.post'),
  'Kysely insert': em => kysely(em).insertInto('tag').values({ name: 'x' }).execute(),
  'Kysely update': em => kysely(em).updateTable('post').set({ title: 'x' }).where('id', '=', 1).execute(),
  'Kysely delete with an alias': em => kysely(em).deleteFrom('post as p').where('p.id', '=', 1).execute(),
  'Kysely delete in a with': em =>
    kysely(em)
      .with('gone', db => db.deleteFrom('post').returningAll())
      .selectFrom('gone')
      .selectAll()
      .execute(),
  'Kysely with a schema': em => kysely(em).withSchema('public').deleteFrom('post').execute(),
  'history by SQL': em => em.execute(`update revy_revision set description = 'forged'`),
  'history by its entity': em => em.nativeDelete(ObjectDelta, {}),
};

describe('S4: a write past the unit of work', () => {
  it('is warned of by default, with the table and what to use instead', async () => {
    await start();
    const em = t.orm.em.fork();
    for (const write of Object.values(WRITES)) await write(em);
    const unseen = 'it goes past the unit of work, so the history would not know what it changed';
    const disabled = 'Where the history need not know, run it in RevisionContext.runDisabled().';
    const history =
      'it changes the history itself, which then no longer tells what happened. Leave the tables of the history to ' +
      'Revy. To do it on purpose, run it in RevisionContext.runDisabled().';
    const insert = (name: string) =>
      `Use em.insert(${name}, ...), em.insertMany(${name}, ...) or em.upsert(${name}, ...)`;
    const line = (write: string, target: string, use: string) =>
      `revy: Unrecorded: ${write} on ${target} at here: ${unseen}. ${use}, which is recorded. ${disabled}`;
    const post = 'Post (table "post")';
    const [update, remove] = ['Use em.nativeUpdate(Post, ...)', 'Use em.nativeDelete(Post, ...)'];
    expect(said()).toEqual([
      line('INSERT by QueryBuilder', 'Tag (table "tag")', insert('Tag')),
      line('UPDATE by QueryBuilder', post, update),
      line('DELETE by QueryBuilder', post, remove),
      line('TRUNCATE by QueryBuilder', 'Tag (table "tag")', 'Use em.nativeDelete(Tag, {})'),
      line('UPDATE by QueryBuilder', post, update),
      line('UPDATE by em.execute()', post, update),
      line('DELETE by em.execute()', post, remove),
      line('INSERT by em.execute()', 'Post (table "post_tags")', insert('Post')),
      line('UPDATE by em.execute()', post, update),
      line('DELETE by em.getConnection().execute()', post, remove),
      line('INSERT by em.getKysely()', 'Tag (table "tag")', insert('Tag')),
      line('UPDATE by em.getKysely()', post, update),
      line('DELETE by em.getKysely()', post, remove),
      line('DELETE by em.getKysely()', post, remove),
      line('DELETE by em.getKysely()', post, remove),
      `revy: Unrecorded: UPDATE by em.execute() on the table "revy_revision" at here: ${history}`,
      `revy: Unrecorded: em.nativeDelete() on ObjectDelta at here: ${history}`,
    ]);
  });

  it('is warned of once for each place in the code', async () => {
    await start();
    const em = t.orm.em.fork();
    for (let i = 0; i < 3; i++) await em.execute('update post set title = title');
    await em.execute('update post set title = title');
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(/queries\.spec\.ts:\d+:\d+/);
  });

  it('is refused before anything is written, with bypass: throw', async () => {
    await start({ bypass: { query: 'throw' } });
    const em = t.orm.em.fork();
    const before = await t.database.query('select p.*, r.* from post p, revy_revision r');
    for (const write of Object.values(WRITES)) {
      await expect(async () => write(em)).rejects.toThrow(UnsafeBypassError);
    }
    expect(await t.database.query('select p.*, r.* from post p, revy_revision r')).toEqual(before);
    await expect(em.execute('update "post" set title = ?', ['x'])).rejects.toMatchObject({
      code: 'REVY_UNSAFE_BYPASS',
      message:
        'Cannot run UPDATE by em.execute() on Post (table "post"): it goes past the unit of work, so the history ' +
        'would not know what it changed. Use em.nativeUpdate(Post, ...), which is recorded. ' +
        'Where the history need not know, run it in RevisionContext.runDisabled().',
    });
    expect(warnings).toEqual([]);
  });

  it('is left alone with bypass: ignore, and where tracking is disabled', async () => {
    await start({ bypass: { query: 'ignore' } });
    for (const write of Object.values(WRITES)) await write(t.orm.em.fork());
    await t.close();
    await start({ bypass: 'throw' });
    await RevisionContext.runDisabled(async () => {
      for (const write of Object.values(WRITES)) await write(t.orm.em.fork());
    });
    expect(warnings).toEqual([]);
  });

  it('is not minded outside every context, where such changes go unrecorded anyway', async () => {
    await start({ bypass: { query: 'throw' }, outsideContext: 'ignore' });
    await t.orm.em.fork().execute('update post set title = title');
    await RevisionContext.run({}, async () => {
      await expect(t.orm.em.fork().execute('update post set title = title')).rejects.toThrow(UnsafeBypassError);
    });
  });

  it('is seen in a transaction as well', async () => {
    await start({ bypass: { query: 'throw' } });
    await t.orm.em.fork().transactional(async em => {
      await expect(async () => kysely(em).deleteFrom('post').execute()).rejects.toThrow(UnsafeBypassError);
      await expect(async () => em.qb(Post).delete().execute()).rejects.toThrow(UnsafeBypassError);
    });
    expect(await t.database.query('select count(*)::int from post')).toEqual([{ count: 1 }]);
  });
});

describe('nothing is said', () => {
  it('of reads, of untracked tables, of the ORM itself and of what is recorded', async () => {
    await start({ bypass: { query: 'throw' } });
    const em = t.orm.em.fork();
    await em.createQueryBuilder(Post, 'p').select('*').leftJoin('p.tags', 't').where({ id: 1 }).getResultList();
    await em.qb(Post).count().execute('get');
    await em.countBy(Post, 'title');
    await em.execute(`select 'delete from post' from post for update`);
    await em.getConnection().execute('select * from post');
    await kysely(em).selectFrom('post').selectAll().execute();
    await em.execute(`insert into note (text) values ('a')`);
    await em.execute(`insert into other.post select 1 where false`).catch(() => {});
    await em.qb(Note).insert({ text: 'b' }).execute();
    await em.insert(Note, { text: 'c' });
    await kysely(em).deleteFrom('note').execute();
    const user = em.create(User, { name: 'Ann', email: null });
    const post = em.create(Post, { title: 'x', views: 0, meta: null, author: user });
    post.tags.add(em.create(Tag, { name: 't' }));
    await em.flush();
    post.tags.removeAll();
    post.title = 'y';
    await em.flush();
    await em.nativeUpdate(Post, {}, { views: 3 });
    await em.upsertMany(User, [{ name: 'Bob', email: 'b' }]);
    await em.clone(Post, { id: post.id });
    await em.remove(post).flush();
    await em.transactional(async inner => inner.nativeDelete(Post, {}));
    await t.orm.schema.update();
    await t.orm.schema.refresh();
    await t.orm.schema.clear();
    expect(warnings).toEqual([]);
  });

  it('of a migration', async () => {
    class Fill extends Migration {
      async up(): Promise<void> {
        this.addSql(`insert into tag (name) values ('a')`);
        await this.execute(`update tag set name = 'b'`);
      }
    }
    t = await createOrm([...BLOG, Note], {
      revy: { bypass: 'throw' },
      config: { migrations: { migrationsList: [{ name: 'fill', class: Fill }], snapshot: false, silent: true } },
    });
    const migrator = new Migrator(t.orm.em as never);
    await migrator.up();
    expect(await t.database.query('select name from tag')).toEqual([{ name: 'a' }]);
  });
});
