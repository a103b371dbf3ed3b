import { Collection, defineEntity, p } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { createOrm, type TestOrm } from '../support/orm.js';
import { byContent } from '../support/order.js';
import { asDeltas, installWitness, sorted, withoutLinks, witnessed } from '../cascade/witness.js';
import { folded, live, unordered } from './links.js';

class Shelf {
  id!: number;
  books = new Collection<Book>(this);
  boxes = new Collection<Box>(this);
  red = new Collection<Book>(this);
  jars = new Collection<Jar>(this);
}

class Book {
  id!: number;
  color!: string;
  title!: string;
  shelves = new Collection<Shelf>(this);
}

class Box {
  id!: number;
  color!: string;
  note!: string | null;
  shelf!: Shelf | null;
}

/** Goes when it has no shelf. */
class Jar {
  id!: number;
  color!: string;
  shelf!: Shelf;
}

const id = () => p.integer().primary();
const ENTITIES = [
  defineEntity({
    class: Shelf,
    properties: {
      id: id(),
      books: () => p.manyToMany(Book).owner(),
      // the builder of MikroORM 7.2 wraps the condition in a list that the query then does not take
      red: { kind: 'm:n', entity: () => Book, owner: true, where: { color: 'red' } } as never,
      boxes: () => p.oneToMany(Box).mappedBy('shelf'),
      jars: () => p.oneToMany(Jar).mappedBy('shelf').orphanRemoval(),
    },
  }),
  defineEntity({
    class: Book,
    properties: {
      id: id(),
      color: p.string(),
      title: p.string(),
      shelves: () => p.manyToMany(Shelf).mappedBy('books'),
    },
  }),
  defineEntity({
    class: Box,
    properties: {
      id: id(),
      color: p.string(),
      note: p.text().lazy().nullable(),
      shelf: () => p.manyToOne(Shelf).nullable(),
    },
  }),
  defineEntity({ class: Jar, properties: { id: id(), color: p.string(), shelf: () => p.manyToOne(Shelf) } }),
];

let test: TestOrm;
let em: EntityManager;
let shelf: Shelf;
beforeAll(async () => {
  test = await createOrm(ENTITIES);
  await installWitness(test);
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.database.query(`truncate shelf, book, box, jar cascade;
    insert into shelf values (1), (2);
    insert into book (id, color, title) values (1, 'red', 'a'), (2, 'blue', 'b'), (3, 'red', 'c'), (4, 'blue', 'd');
    insert into shelf_books (shelf_id, book_id) values (1, 1), (1, 2), (2, 1);
    insert into shelf_red (shelf_id, book_id) values (1, 1), (1, 2);
    insert into box (id, color, note, shelf_id) values (1, 'red', 'x', 1), (2, 'blue', 'y', 1), (3, 'red', 'z', 2);
    insert into jar (id, color, shelf_id) values (1, 'red', 1), (2, 'blue', 1);
    truncate witness`);
  await test.forget();
  em = test.orm.em.fork();
  shelf = await em.findOneOrFail(Shelf, 1);
});

const START = { 'Shelf:1 books': [1, 2], 'Shelf:2 books': [1], 'Shelf:1 red': [1, 2] };
const book = (n: number) => em.getReference(Book, n);
const box = (n: number) => em.getReference(Box, n);

/** Flushes, and returns what was recorded: what the triggers saw, and links that add up to the tables. */
async function recorded(): Promise<unknown[]> {
  await em.flush();
  const deltas = await test.deltas();
  const links = { ...(await live(test, { Shelf: 'books' })), ...(await live(test, { Shelf: 'red' })) };
  expect(unordered(folded(deltas, START))).toEqual(
    unordered(Object.fromEntries(Object.entries(links).toSorted(byContent))),
  );
  const classes = [Shelf, Book, Box, Jar].map(one => test.orm.getMetadata().get(one as never));
  expect(sorted(withoutLinks(deltas, ['books', 'red']))).toEqual(
    sorted(asDeltas(await witnessed(test.database, test.orm), classes)),
  );
  return deltas.map(delta => [delta.action, delta.object, delta.old, delta.new]).toSorted(byContent);
}

describe('a collection of which a part was loaded', () => {
  it('set: of the links, what is in the part and no longer in it goes', async () => {
    await shelf.books.init({ where: { color: 'red' } });
    shelf.books.set([book(3)]);
    expect(await recorded()).toEqual([['update', 'Shelf:1', {}, { books: { added: [3], removed: [1] } }]]);
  });

  it('emptied, and added to', async () => {
    await shelf.books.init({ where: { color: 'blue' } });
    shelf.books.removeAll();
    shelf.books.add(book(4));
    expect(await recorded()).toEqual([['update', 'Shelf:1', {}, { books: { added: [4], removed: [2] } }]]);
  });

  it('set to what is there outside of the part: the database refuses it, and nothing is recorded', async () => {
    await shelf.books.init({ where: { color: 'red' } });
    shelf.books.set([book(2)]);
    await expect(em.flush()).rejects.toThrow(/duplicate key/);
    expect(await test.deltas()).toEqual([]);
  });

  it('populated with a condition', async () => {
    const found = await em.findOneOrFail(Shelf, 1, {
      populate: ['books', 'boxes', 'jars'],
      populateWhere: { books: { color: 'red' }, boxes: { color: 'red' }, jars: { color: 'red' } },
      refresh: true,
    });
    expect([found.books, found.boxes, found.jars].map(items => items.length)).toEqual([1, 1, 1]);
    found.books.set([book(4)]);
    found.boxes.set([box(3)]);
    found.jars.removeAll();
    expect(await recorded()).toEqual([
      ['delete', 'Jar:1', { color: 'red', shelf: 1 }, null],
      ['update', 'Box:1', { shelf: 1 }, { shelf: null }],
      ['update', 'Box:3', { shelf: 2 }, { shelf: 1 }],
      ['update', 'Shelf:1', {}, { books: { added: [4], removed: [1] } }],
    ]);
  });

  it('of which the mapping says which part it is', async () => {
    await shelf.red.init();
    expect(shelf.red.getItems().map(item => item.id)).toEqual([1]);
    shelf.red.set([book(3)]);
    expect(await recorded()).toEqual([['update', 'Shelf:1', {}, { red: { added: [3], removed: [1] } }]]);
  });

  it('of which the mapping says so, and which was not loaded: all links go', async () => {
    shelf.red.set([book(3)]);
    expect(await recorded()).toEqual([['update', 'Shelf:1', {}, { red: { added: [3], removed: [1, 2] } }]]);
  });

  it('that was searched stays as it was', async () => {
    const found = await shelf.books.matching({ where: { color: 'red' } });
    expect(found.map(item => item.id)).toEqual([1]);
    shelf.books.set([book(2)]);
    expect(await recorded()).toEqual([['update', 'Shelf:1', {}, { books: { added: [], removed: [1] } }]]);
  });

  it('that was searched and stored may not be changed', async () => {
    await shelf.books.matching({ where: { color: 'red' }, store: true });
    expect(() => shelf.books.add(book(3))).toThrow(/cannot modify/i);
    expect(await recorded()).toEqual([]);
  });
});

describe('children of which a part was loaded', () => {
  it('their old values are those of the database', async () => {
    const found = await em.findOneOrFail(Shelf, 1, { populate: ['boxes', 'jars'], fields: ['boxes.color', 'jars.id'] });
    (found as unknown as Shelf).boxes.remove(box(1));
    (found as unknown as Shelf).jars.removeAll();
    expect(await recorded()).toEqual([
      ['delete', 'Jar:1', { color: 'red', shelf: 1 }, null],
      ['delete', 'Jar:2', { color: 'blue', shelf: 1 }, null],
      ['update', 'Box:1', { shelf: 1 }, { shelf: null }],
    ]);
  });

  it('loaded as references', async () => {
    const found = await em.findOneOrFail(Shelf, 1, { populate: ['boxes:ref', 'books:ref'], refresh: true });
    (found as unknown as Shelf).boxes.remove(box(1));
    (found as unknown as Shelf).boxes.add(box(3));
    (found as unknown as Shelf).books.set([book(3), book(1)]);
    expect(await recorded()).toEqual([
      ['update', 'Box:1', { shelf: 1 }, { shelf: null }],
      ['update', 'Box:3', { shelf: 2 }, { shelf: 1 }],
      ['update', 'Shelf:1', {}, { books: { added: [3], removed: [2] } }],
    ]);
  });

  it('in a collection that was loaded in part and is then replaced', async () => {
    await shelf.boxes.init({ where: { color: 'blue' } });
    shelf.boxes.set([box(3)]);
    expect(await recorded()).toEqual([
      ['update', 'Box:2', { shelf: 1 }, { shelf: null }],
      ['update', 'Box:3', { shelf: 2 }, { shelf: 1 }],
    ]);
    expect(await test.database.query('select id from box where shelf_id = 1 order by id')).toEqual([
      { id: 1 },
      { id: 3 },
    ]);
  });
});

it('a collection that is changed before it is loaded keeps the change', async () => {
  shelf.books.add(book(3));
  await shelf.books.init();
  shelf.books.remove(book(1));
  expect(await recorded()).toEqual([['update', 'Shelf:1', {}, { books: { added: [3], removed: [1] } }]]);
});
