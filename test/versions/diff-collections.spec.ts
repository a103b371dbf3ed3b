import { defineEntity, type EntityName, p } from '@mikro-orm/core';
import { type Diff, HistoryService, type ObjectPoint } from '@revy/mikro-orm';
import { Animal, Area, Bird, Cat, Gate, PARK, Passport, Ticket } from '../related/park.js';
import { Comment, Post, Tag } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

const NEW = { slug: null, views: 0, meta: null, author: null };

/** Ids of what differs in collections, and the rest as it is. */
const ids = (diff: Diff<Post> | Diff<Tag> | null) =>
  diff &&
  Object.fromEntries(
    Object.entries(diff.changed as Record<string, object>).map(([name, one]) => {
      if (!('added' in one)) return [name, one];
      const { added, removed } = one as { added: { id: number }[]; removed: { id: number }[] };
      return [name, { added: added.map(({ id }) => id), removed: removed.map(({ id }) => id) }];
    }),
  );

describe('collections of a blog', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm();
  });
  afterAll(() => test.close());
  beforeEach(async () => {
    await test.forget();
    await test.database.query('truncate "user", tag, post, comment, post_tags restart identity');
  });

  const history = () => new HistoryService(test.orm.em.fork());

  /** A post and three tags; it has had 1 and 2, then 1, then 1 and 3, and then it was deleted and made again with 2. */
  async function tagged() {
    const em = test.orm.em.fork();
    const tags = ['a', 'b', 'c'].map(name => em.create(Tag, { name })) as [Tag, Tag, Tag];
    await em.flush(); // 1
    const post = em.create(Post, { id: 1, ...NEW, title: 'post' });
    post.tags.add(tags[0], tags[1]);
    await em.flush(); // 2: v1
    post.tags.remove(tags[1]);
    await em.flush(); // 3: v2
    post.tags.add(tags[2]);
    await em.flush(); // 4: v3
    em.remove(post);
    await em.flush(); // 5: v4
    const again = em.fork();
    again.create(Post, { id: 1, ...NEW, title: 'post' }).tags.add(again.getReference(Tag, 2));
    await again.flush(); // 6: v5
  }

  const diff = async (from: number, to: number) =>
    ids(await history().diff(Post, 1, { version: from }, { version: to }));

  it('K10, E8: are compared by what was added and removed, and not by what went in between', async () => {
    await tagged();
    expect(await diff(1, 2)).toEqual({ tags: { added: [], removed: [2] } });
    expect(await diff(1, 3)).toEqual({ tags: { added: [3], removed: [2] } });
    expect(await diff(3, 1)).toEqual({ tags: { added: [2], removed: [3] } });
    expect(await diff(2, 5)).toEqual({ tags: { added: [2], removed: [1] } });
    expect(await diff(1, 5)).toEqual({ tags: { added: [], removed: [1] } });
    expect(await diff(2, 2)).toEqual({});
    expect((await diff(3, 4))!.tags).toEqual({ added: [], removed: [1, 3] });
    expect((await diff(4, 5))!.tags).toEqual({ added: [2], removed: [] });
  });

  it('are found by dates and revisions as well', async () => {
    await tagged();
    const [, , second, third] = await history().revisions();
    const between = async (from: ObjectPoint, to?: ObjectPoint) => ids(await history().diff(Post, 1, from, to));
    expect(await between(second!, third!)).toEqual({ tags: { added: [3], removed: [] } });
    expect(await between({ before: third! }, { after: 4 })).toEqual({ tags: { added: [3], removed: [] } });
    expect(await between(second!.recordedAt, third!.recordedAt)).toEqual({ tags: { added: [3], removed: [] } });
    expect(await between({ revision: 3 })).toEqual({ tags: { added: [2], removed: [1] } });
  });

  it('have references of the target’s class, which carry their keys', async () => {
    await tagged();
    const [added] = (await history().diff(Post, 1, { version: 1 }, { version: 3 }))!.changed.tags!.added;
    expect(added).toBeInstanceOf(Tag);
    expect(added!.id).toBe(3);
    expect(added!.name).toBeUndefined();
  });

  it('that another class owns are compared where they are named', async () => {
    await tagged();
    const compare = async (id: number, from: number, to: number) =>
      ids(await history().diff(Tag, id, { revision: from }, { revision: to }, { attributes: ['posts', 'name'] }));
    expect(await compare(2, 2, 4)).toEqual({ posts: { added: [], removed: [1] } });
    expect(await compare(2, 4, 6)).toEqual({ posts: { added: [1], removed: [] } });
    expect(await compare(2, 2, 6)).toEqual({});
    expect(await compare(3, 3, 4)).toEqual({ posts: { added: [1], removed: [] } });
    expect(ids(await history().diff(Tag, 2, { revision: 2 }, { revision: 4 }))).toEqual({});
  });

  it('of children are compared where they are named, also of those that moved or went', async () => {
    const em = test.orm.em.fork();
    const [one, two] = [1, 2].map(id => em.create(Post, { id, ...NEW, title: 'post' })) as [Post, Post];
    const comments = ['a', 'b', 'c'].map(text => em.create(Comment, { text, post: one })) as [
      Comment,
      Comment,
      Comment,
    ];
    await em.flush(); // 1
    comments[1].post = two;
    em.remove(comments[2]);
    em.create(Comment, { text: 'd', post: one });
    await em.flush(); // 2
    comments[1].post = one;
    await em.flush(); // 3
    const compare = async (id: number, from: number, to?: number) =>
      ids(
        await history().diff(Post, id, { revision: from }, to === undefined ? undefined : { revision: to }, {
          attributes: ['comments'],
        }),
      );
    expect(await compare(1, 1, 2)).toEqual({ comments: { added: [4], removed: [2, 3] } });
    expect(await compare(1, 1)).toEqual({ comments: { added: [4], removed: [3] } });
    expect(await compare(2, 1, 2)).toEqual({ comments: { added: [2], removed: [] } });
    expect(await compare(2, 1)).toEqual({});
  });

  it('K10: of two objects are compared, links that are older than the history included', async () => {
    await test.database.query(`insert into tag (id, name) values (11, 'x'), (12, 'y')`);
    await test.database.query(`insert into post (id, title, views) values (11, 'same', 0), (12, 'same', 0)`);
    await test.database.query('insert into post_tags (post_id, tag_id) values (11, 11), (11, 12), (12, 12)');
    await test.database.query(`insert into comment (id, text, post_id) values (11, 'a', 11)`);
    const compare = async (options?: object) =>
      ids(await history().diff({ type: Post, key: 12 }, { type: Post, key: 11 }, options));
    expect(await compare()).toEqual({ tags: { added: [11], removed: [] } });
    expect(await compare({ attributes: ['comments'] })).toEqual({ comments: { added: [11], removed: [] } });
    const em = test.orm.em.fork();
    const post = await em.findOneOrFail(Post, 11, { populate: ['tags'] });
    post.tags.removeAll();
    await em.flush();
    expect(await compare()).toEqual({ tags: { added: [], removed: [12] } });
    expect(ids(await history().diff({ type: Post, key: 12 }, { type: Post, key: 11, at: { before: 1 } }))).toEqual({
      tags: { added: [11], removed: [] },
    });
  });

  it('are left out where they are excepted', async () => {
    await tagged();
    const found = await history().diff(Post, 1, { version: 1 }, { version: 2 }, { except: ['tags'] });
    expect(found).toEqual({ action: null, changed: {}, unknown: [] });
  });

  it('take one statement more, however many links there are', async () => {
    await tagged();
    const compare = () => history().diff(Post, 1, { version: 1 }, { version: 3 });
    expect(await statementsOf(compare)).toHaveLength(3);
    expect(
      await statementsOf(() => history().diff(Post, 1, { version: 1 }, { version: 3 }, { except: ['tags'] })),
    ).toHaveLength(2);
  });
});

describe('collections of every kind', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm(PARK);
  });
  afterAll(() => test.close());

  const history = () => new HistoryService(test.orm.em.fork());

  it('F1: whose key is of several columns, and theirs refers to it', async () => {
    const em = test.orm.em.fork();
    const gate = em.create(Gate, { side: 'N', number: 1, isOpen: true });
    await em.flush(); // 1
    const tickets = [7, 8].map(serial => em.create(Ticket, { gate, serial, price: 5 })) as [Ticket, Ticket];
    await em.flush(); // 2
    em.remove(tickets[0]);
    await em.flush(); // 3
    const compare = async (from: number, to: number) => {
      const points = [{ revision: from }, { revision: to }] as const;
      return (await history().diff(Gate, ['N', 1], ...points, { attributes: ['tickets'] }))!.changed.tickets!;
    };
    const keys = (some: readonly Ticket[]) => some.map(({ gate: of, serial }) => [of.side, of.number, serial]);
    const [all, left] = [await compare(1, 2), await compare(2, 3)];
    expect([keys(all.added), keys(all.removed)]).toEqual([
      [
        ['N', 1, 7],
        ['N', 1, 8],
      ],
      [],
    ]);
    expect([keys(left.added), keys(left.removed)]).toEqual([[], [['N', 1, 7]]]);
  });

  it('F2: of classes that share a table, and the other end of a relation to one', async () => {
    const em = test.orm.em.fork();
    const area = em.create(Area, { id: 1, name: 'area', within: null });
    const bird = em.create(Bird, { id: 1, name: 'Tit', wings: 2, area: null } as never);
    await em.flush();
    const [before] = await history().revisions({ order: 'desc', limit: 1 });
    bird.area = area;
    em.create(Cat, { id: 2, name: 'Tom', lives: 9, area, prey: null } as never);
    em.create(Passport, { animal: bird, number: 'P1' } as never);
    await em.flush();
    const inArea = await history().diff(Area, 1, before!, undefined, { attributes: ['animals'] });
    expect(inArea!.changed.animals!.added.map(({ id }) => id)).toEqual([1, 2]);
    const ofBird = await history().diff(Animal, 1, before!, undefined, { attributes: ['passport', 'area'] });
    expect(ofBird).toMatchObject({
      changed: { area: { oldValue: null, newValue: { id: 1 } }, passport: { oldValue: null } },
    });
    expect(ofBird!.changed.passport!.newValue).toBeInstanceOf(Passport);
  });

  it('of objects that are not tracked are unknown', async () => {
    const Child = defineEntity({
      name: 'Child',
      revy: { track: false },
      properties: { id: p.integer().primary(), parent: () => p.manyToOne(Parent) },
    });
    const Parent = defineEntity({
      name: 'Parent',
      properties: { id: p.integer().primary(), children: () => p.oneToMany(Child).mappedBy('parent') },
    });
    const other = await createOrm([Child, Parent] as EntityName[]);
    const em = other.orm.em.fork();
    em.create(Parent, { id: 1 } as never);
    await em.flush();
    const found = await new HistoryService(em).diff(Parent as unknown as typeof Post, 1, { version: 1 }, undefined, {
      attributes: ['children' as 'comments'],
    });
    expect(found).toEqual({ action: null, changed: {}, unknown: ['children'] });
    await other.close();
  });
});
