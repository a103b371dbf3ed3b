import { defineEntity, p } from '@mikro-orm/core';
import { RevertService } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

/** Has what a plan has to look up: a parent, unique values of one column and of two, a link, and rows that refer to it. */
class Page {
  id!: number;
  name!: string;
  site!: number;
  path!: string;
  text!: string;
  parent!: Page | null;
  book!: Book;
}

class Book {
  id!: number;
}

const BookSchema = defineEntity({ class: Book, properties: { id: p.integer().primary().autoincrement() } });
const PageSchema = defineEntity({
  class: Page,
  uniques: [{ properties: ['site', 'path'] }],
  properties: {
    id: p.integer().primary().autoincrement(),
    name: p.string().unique(),
    site: p.integer(),
    path: p.string(),
    text: p.text(),
    parent: () => p.manyToOne(Page).nullable().deleteRule('cascade').index(),
    book: () => p.manyToOne(Book),
  },
});

const FEW = 20;
const MANY = 10_000;

/** What MikroORM writes in batches of its own is one batch here, so that what remains is ours. */
const BATCH = { batchSize: MANY };

let t: TestOrm;
beforeEach(async () => {
  t = await createOrm([BookSchema, PageSchema], { config: BATCH });
});
afterEach(() => t.close());

async function fill(size: number): Promise<void> {
  await t.database.query('truncate page, book restart identity');
  await t.database.query('insert into book default values');
  await t.database.query(`insert into page (name, site, path, text, book_id)
    select 'page ' || i, i % 7, 'path ' || i, 'text ' || i, 1 from generate_series(1, ${size}) i`);
  await t.forget();
}

const contents = () => t.database.query('select to_jsonb(p) as row from page p order by id');
const makers: Record<string, (size: number) => Promise<void>> = {
  updates: async () => {
    const em = t.orm.em.fork();
    for (const page of await em.find(Page, {})) page.text += '!';
    await em.flush();
  },
  deletions: async () => {
    const em = t.orm.em.fork();
    await em.nativeDelete(Page, {});
  },
  creations: async size => {
    await t.database.query('delete from page');
    const book = t.orm.em.fork().getReference(Book, 1);
    const rows = Array.from({ length: size }, (_, i) => ({ name: `${i}`, site: i, path: '/', text: '', book }));
    await t.orm.em.fork().insertMany(Page, rows);
  },
};

it.each(Object.keys(makers))(
  'takes as many statements for the %s of 10,000 objects as for 20',
  async kind => {
    const counts: number[] = [];
    for (const size of [FEW, MANY]) {
      await fill(size);
      const before = kind === 'creations' ? [] : await contents();
      await makers[kind]!(size);
      const [recorded] = await t.database.query('select count(*)::int from revy_object_delta');
      expect(recorded).toEqual({ count: size });
      const planned = await statementsOf(() => new RevertService(t.orm.em.fork()).revision(1, { dryRun: true }));
      const done = await statementsOf(() => new RevertService(t.orm.em.fork()).revision(1));
      expect(await contents()).toEqual(before);
      counts.push(planned.length, done.length);
    }
    expect(counts.slice(2)).toEqual(counts.slice(0, 2));
  },
  300_000,
);
