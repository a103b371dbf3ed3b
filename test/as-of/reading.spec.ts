import { Collection, defineEntity, helper, p } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { AsOfUntrackedError, HistoryService, Revision, SnapshotService } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

class Writer {
  id!: number;
  name!: string;
  token!: string | null;
  notes!: string | null;
  version!: number;
  books = new Collection<Book>(this);
}

class Book {
  id!: number;
  title!: string;
  writer!: Writer | null;
  shelf!: Shelf | null;
  labels = new Collection<Label>(this);
}

/** Nobody tracks it. */
class Shelf {
  id!: number;
  name!: string;
  books = new Collection<Book>(this);
}

class Label {
  id!: number;
  name!: string;
}

class Titles {
  writer!: string;
  titles!: string;
}

class Count {
  count!: number;
}

const id = p.integer().primary().autoincrement();
const LIBRARY = [
  defineEntity({
    class: Writer,
    revy: { mask: ['token'], exclude: ['notes'] },
    filters: { anna: { name: 'anna', cond: { name: { $like: 'Ann%' } }, default: false } },
    properties: {
      id,
      name: p.string(),
      token: p.string().nullable(),
      notes: p.string().nullable(),
      version: p.integer().version(),
      books: () => p.oneToMany(Book).mappedBy('writer'),
    },
  }),
  defineEntity({
    class: Book,
    properties: {
      id,
      title: p.string(),
      writer: () => p.manyToOne(Writer).nullable(),
      shelf: () => p.manyToOne(Shelf).nullable(),
      labels: () => p.manyToMany(Label).owner(),
    },
  }),
  defineEntity({
    class: Shelf,
    revy: { track: false },
    properties: { id, name: p.string(), books: () => p.oneToMany(Book).mappedBy('shelf') },
  }),
  defineEntity({ class: Label, revy: { track: false }, properties: { id, name: p.string() } }),
  defineEntity({
    class: Titles,
    tableName: 'titles',
    view: true,
    expression: `select w.name as writer, string_agg(b.title, ',' order by b.id) as titles from writer w join book b on b.writer_id = w.id group by w.name`,
    properties: { writer: p.string().primary(), titles: p.string() },
  } as never),
  defineEntity({
    class: Count,
    expression: 'select count(*)::int as count from book',
    properties: { count: p.integer() },
  } as never),
];

type Database = { book: { id: number; title: string; writer_id: number }; writer: { id: number; name: string } };

describe('what is read as of a point', () => {
  let test: TestOrm;
  let snapshots: SnapshotService<SqlEntityManager>;
  const PAST = { revision: 1 };

  beforeAll(async () => {
    test = await createOrm(LIBRARY as never);
    snapshots = new SnapshotService(test.orm.em.fork() as SqlEntityManager);
    const em = test.orm.em.fork();
    const [ann, bob] = ['Ann', 'Bob'].map(name => em.create(Writer, { name, token: 'old', notes: 'old' } as never)) as [
      Writer,
      Writer,
    ];
    const shelf = em.create(Shelf, { name: 'Left' } as never);
    const gone = em.create(Shelf, { name: 'Gone' } as never);
    const one = em.create(Book, { title: 'One', writer: ann, shelf } as never);
    const two = em.create(Book, { title: 'Two', writer: bob, shelf: gone } as never);
    one.labels.add(em.create(Label, { name: 'a' } as never));
    await em.flush(); // 1
    Object.assign(ann, { name: 'Beth', token: 'new', notes: 'new' });
    one.writer = bob;
    one.labels.removeAll();
    em.create(Book, { title: 'Three', writer: ann } as never);
    await em.flush(); // 2
    two.shelf = null;
    em.remove(two);
    await em.flush(); // 3
    shelf.name = 'Right';
    em.remove(gone);
    await em.flush(); // not recorded
  });
  afterAll(() => test.close());

  it('is the same by find, findOne, count, filters, populate, builders, Kysely, SQL, streams, views and formulas', async () => {
    await snapshots.asOf(PAST, async em => {
      expect(await em.find(Writer, {}, { filters: { anna: true } })).toMatchObject([{ name: 'Ann' }]);
      expect(await em.findOne(Book, { writer: { name: 'Ann' } })).toMatchObject({ title: 'One' });
      expect(await em.count(Book)).toBe(2);
      expect(await em.findAndCount(Book, { title: 'Three' })).toEqual([[], 0]);
      const builder = em.createQueryBuilder(Book, 'b').leftJoinAndSelect('b.writer', 'w').where({ 'w.name': 'Bob' });
      expect(await builder.getResultList()).toMatchObject([{ title: 'Two', writer: { name: 'Bob' } }]);
      const kysely = em.getKysely<Database>();
      const joined = kysely.selectFrom('book').innerJoin('writer', 'writer.id', 'book.writer_id');
      expect(await joined.select(['title', 'name']).where('name', '=', 'Ann').execute()).toEqual([
        { title: 'One', name: 'Ann' },
      ]);
      expect(
        await em.execute('with recursive w as (select name from writer) select name from w order by name;'),
      ).toEqual([{ name: 'Ann' }, { name: 'Bob' }]);
      expect(await em.execute('select b.title from public.book b where b.id = ?', [2])).toEqual([{ title: 'Two' }]);
      expect(await em.getConnection().execute('select count(*)::int as n from book -- all of them')).toEqual([
        { n: 2 },
      ]);
      const streamed: string[] = [];
      for await (const book of em.stream(Book, { orderBy: { id: 1 }, populate: ['writer'] })) {
        streamed.push(`${book.title} by ${book.writer!.name}`);
      }
      expect(streamed).toEqual(['One by Ann', 'Two by Bob']);
      expect(await em.find(Titles, {}, { orderBy: { writer: 1 } })).toMatchObject([
        { writer: 'Ann', titles: 'One' },
        { writer: 'Bob', titles: 'Two' },
      ]);
      expect(await em.find(Count, {})).toMatchObject([{ count: 2 }]);
      const [explained] = await em.execute<Record<string, string>[]>(
        'explain (costs off) select * from book where id = 1',
      );
      expect(Object.values(explained!)[0]).not.toContain('book');
    });
  });

  it('is what a repository and the global entity manager read, as long as the callback runs', async () => {
    const titles = async () =>
      (await test.orm.em.getRepository(Book).findAll({ orderBy: { id: 1 } })).map(b => b.title);
    expect(await snapshots.asOf(PAST, titles)).toEqual(['One', 'Two']);
    expect(await snapshots.asOf(PAST, async () => test.orm.em.fork().count(Book, { title: 'Three' }))).toBe(0);
    expect((await test.orm.em.fork().find(Book, {}, { orderBy: { id: 1 } })).map(b => b.title)).toEqual([
      'One',
      'Three',
    ]);
  });

  it('J1, J2, J3, J7, E4, E9: a graph at one point, whenever its parts were changed, with its own identity map', async () => {
    const graphs = await Promise.all(
      [1, 2, 3].map(revision =>
        snapshots.asOf({ revision }, async em =>
          em.find(Writer, {}, { populate: ['books'], orderBy: { id: 1, books: { id: 1 } } }),
        ),
      ),
    );
    const shown = graphs.map(writers => writers.map(({ name, books }) => [name, books.getItems().map(b => b.title)]));
    expect(shown).toEqual([
      [
        ['Ann', ['One']],
        ['Bob', ['Two']],
      ],
      [
        ['Beth', ['Three']],
        ['Bob', ['One', 'Two']],
      ],
      [
        ['Beth', ['Three']],
        ['Bob', ['One']],
      ],
    ]);
    expect(graphs[0]![0]).not.toBe(graphs[1]![0]);
    const outer = test.orm.em.fork() as SqlEntityManager;
    const live = await outer.findOneOrFail(Writer, 1);
    const past = await new SnapshotService(outer).asOf(PAST, em => em.findOneOrFail(Writer, 1));
    expect([live.name, past.name]).toEqual(['Beth', 'Ann']);
  });

  it('nests, at another point, and what is inside of it goes on outside', async () => {
    await snapshots.asOf(PAST, async em => {
      const later = await new SnapshotService(em).asOf({ revision: 2 }, async inner => inner.findOneOrFail(Writer, 1));
      const same = await em.findOneOrFail(Writer, 1);
      expect([later.name, same.name]).toEqual(['Beth', 'Ann']);
    });
  });

  it('leaves the services of history what they are', async () => {
    await snapshots.asOf(PAST, async em => {
      const snapshot = await new SnapshotService(em).at(Writer, 1, { revision: 2 });
      expect(snapshot!.entity.name).toBe('Beth');
      expect((await new HistoryService(em).deltas(Book, 2)).map(({ action }) => action)).toEqual(['create', 'delete']);
      expect(await em.count(Revision)).toBeGreaterThan(1);
    });
  });

  it('J4, J9, E6, E11: untracked tables are what they are now, or refused', async () => {
    await snapshots.asOf(PAST, async em => {
      const books = await em.find(
        Book,
        {},
        { populate: ['shelf', 'labels'], orderBy: { id: 1 }, strategy: 'select-in' },
      );
      expect(books.map(({ title, shelf, labels }) => [title, shelf?.name, labels.getItems().map(l => l.name)])).toEqual(
        [
          ['One', 'Right', ['a']],
          // its shelf is gone, and nobody knows what it was
          ['Two', undefined, []],
        ],
      );
      expect(await em.find(Shelf, {}, { populate: ['books'] })).toMatchObject([{ name: 'Right' }]);
    });
    const strict = { untracked: 'throw' } as const;
    expect(await snapshots.asOf(PAST, em => em.count(Book), strict)).toBe(2);
    await expect(snapshots.asOf(PAST, em => em.find(Shelf, {}), strict)).rejects.toBeInstanceOf(AsOfUntrackedError);
    await expect(snapshots.asOf(PAST, em => em.find(Book, {}, { populate: ['shelf'] }), strict)).rejects.toBeInstanceOf(
      AsOfUntrackedError,
    );
    await expect(snapshots.asOf(PAST, em => em.execute('select * from book, shelf'), strict)).rejects.toBeInstanceOf(
      AsOfUntrackedError,
    );
  });

  it('D6: what nobody knows is left out of entities, in whatever way they are loaded, and null for SQL with its name', async () => {
    await snapshots.asOf(PAST, async em => {
      const loads: Record<string, () => Promise<Writer>> = {
        find: async () => em.findOneOrFail(Writer, 1),
        fields: async () => em.findOneOrFail(Writer, 1, { fields: ['name', 'token', 'notes'] }) as Promise<Writer>,
        joined: async () => (await em.findOneOrFail(Book, 1, { populate: ['writer'], strategy: 'joined' })).writer!,
        'select-in': async () =>
          (await em.findOneOrFail(Book, 1, { populate: ['writer'], strategy: 'select-in' })).writer!,
        builder: async () => em.createQueryBuilder(Writer).where({ id: 1 }).getSingleResult() as Promise<Writer>,
      };
      for (const [way, load] of Object.entries(loads)) {
        em.clear();
        const writer = await load();
        expect({ way, name: writer.name, token: writer.token, notes: writer.notes, version: writer.version }).toEqual({
          way,
          name: 'Ann',
          token: undefined,
          notes: undefined,
          version: undefined,
        });
        expect({ way, isLoaded: helper(writer).__loadedProperties.has('token') }).toEqual({ way, isLoaded: false });
      }
      expect(await em.execute('select name, token, notes, version, revy_unknown from writer where id = 1')).toEqual([
        { name: 'Ann', token: null, notes: null, version: null, revy_unknown: ['token', 'notes', 'version'] },
      ]);
    });
  });

  it('in a transaction of the caller sees what it has written, and leaves it able to write', async () => {
    const em = test.orm.em.fork() as SqlEntityManager;
    await em.begin();
    const writer = await em.findOneOrFail(Writer, 1);
    writer.name = 'Cora';
    await em.flush();
    const [own] = await new HistoryService(em).revisions({ order: 'desc', limit: 1 });
    const [past, present] = await Promise.all([
      new SnapshotService(em).asOf(own!, async reader => (await reader.findOneOrFail(Writer, 1)).name),
      em.fork({ keepTransactionContext: true }).findOneOrFail(Writer, 1),
    ]);
    expect([past, present.name]).toEqual(['Cora', 'Cora']);
    const before = await new SnapshotService(em).asOf({ before: own! }, reader => reader.findOneOrFail(Writer, 1));
    expect(before.name).toBe('Beth');
    writer.name = 'Dora';
    await em.flush();
    expect(await em.execute('select name from writer where id = 1')).toEqual([{ name: 'Dora' }]);
    await em.rollback();
  });

  it('costs a BEGIN, one SELECT and a ROLLBACK, and one statement for each query', async () => {
    const sent = await statementsOf(() =>
      snapshots.asOf(PAST, async em => {
        await em.find(Book, {});
        await em.find(Writer, {}, { populate: ['books'] });
      }),
    );
    expect(sent.map(sql => sql.slice(0, 17))).toEqual([
      'start transaction',
      expect.any(String),
      'with "revy book c',
      'with "revy writer',
      'with "revy book c',
      'rollback',
    ]);
  });

  it('prepares what comes again, with the point and the values as parameters', async () => {
    const read = (key: number, revision: number) =>
      snapshots.asOf(
        { revision },
        async em => (await em.findOne(Book, { id: key }, { populate: ['writer'] }))?.writer?.name,
      );
    for (const _ of [1, 2]) await read(1, 1);
    const sent = await statementsOf(async () => {
      expect([await read(1, 1), await read(2, 1), await read(1, 2), await read(2, 3)]).toEqual([
        'Ann',
        'Bob',
        'Bob',
        undefined,
      ]);
    });
    expect(new Set(sent.filter(sql => sql.startsWith('with revy_point'))).size).toBe(1);
  });
});
