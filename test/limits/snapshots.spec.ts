import { Collection, defineEntity, p } from '@mikro-orm/core';
import { revy, SnapshotService, UnreadableRelationError } from '@revy/mikro-orm';
import { Post, Tag } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

class Star {
  id!: number;
  name!: string;
}

class Show {
  id!: number;
  host!: Star;
  cast = new Collection<Star>(this);
  guests = new Collection<Star>(this);
}

class Queue {
  id!: number;
  stars = new Collection<Star>(this);
}

class Seat {
  show!: Show;
  star!: Star;
  row!: number;
}

const SHOWS = [
  defineEntity({ class: Star, properties: { id: p.integer().primary(), name: p.string().unique() } }),
  defineEntity({
    class: Show,
    properties: {
      id: p.integer().primary(),
      host: () => p.manyToOne(Star).targetKey('name'),
      cast: () => p.manyToMany(Star).owner().fixedOrder(),
      guests: () => p.manyToMany(Star).pivotEntity(() => Seat),
    },
  }),
  defineEntity({
    class: Queue,
    properties: { id: p.integer().primary(), stars: () => p.manyToMany(Star).owner().fixedOrder() },
  }),
  defineEntity({
    class: Seat,
    properties: {
      show: () => p.manyToOne(Show).primary(),
      star: () => p.manyToOne(Star).primary(),
      row: p.integer().default(1),
    },
  }),
];

describe('populate', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm(SHOWS);
    const em = test.orm.em.fork();
    const [ann, bob] = ['Ann', 'Bob'].map((name, index) => em.create(Star, { id: index + 1, name }));
    const show = em.create(Show, { id: 1, host: ann! });
    show.cast.add(bob!, ann!);
    await em.flush();
  });
  afterAll(() => test.close());

  const read = (path: 'host' | 'cast' | 'guests') =>
    new SnapshotService(test.orm.em.fork()).at(Show, 1, { version: 1 }, { populate: [path] });

  it('does not read relations by another property than the key, and links that are objects with a history', async () => {
    for (const path of ['host', 'guests'] as const) await expect(read(path)).rejects.toThrow(UnreadableRelationError);
  });

  it('puts a link that was there before the history, and is gone, behind those that stayed', async () => {
    await test.database.query(`insert into star values (3, 'Cem');
      insert into queue values (1);
      insert into queue_stars (queue_id, star_id) values (1, 1), (1, 2), (1, 3)`);
    const em = test.orm.em.fork();
    const queue = await em.findOneOrFail(Queue, 1, { populate: ['stars'] });
    queue.stars.remove(queue.stars[1]!);
    await em.flush();
    const before = await new SnapshotService(em).at(Queue, 1, { before: 2 }, { populate: ['stars'] });
    expect(before!.entity.stars.getItems().map(({ name }) => name)).toEqual(['Ann', 'Cem', 'Bob']);
  });
});

describe('a baseline', () => {
  let test: TestOrm;
  let calls: number;
  beforeAll(async () => {
    test = await createOrm(undefined, { revy: { onObjectDelta: () => void calls++ } });
    await test.database.query(`
      insert into post (id, title) values (1, 'Old');
      insert into tag (id, name) values (1, 'news');
      insert into post_tags (post_id, tag_id) values (1, 1)`);
  });
  afterAll(() => test.close());
  beforeEach(async () => {
    calls = 0;
    await test.forget();
  });

  it('has no links of collections, which are read from their tables, and is not shown to onObjectDelta', async () => {
    await revy.baseline(test.orm.em.fork(), Post);
    const [row] = await test.database.query('select state from revy_object_delta');
    expect(Object.keys(row!['state'] as object)).toEqual(['meta', 'slug', 'title', 'views', 'author']);
    expect(calls).toBe(0);
    const snapshots = new SnapshotService(test.orm.em.fork());
    const { entity } = (await snapshots.at(Post, 1, undefined, { populate: ['tags'] }))!;
    expect(entity.tags.getItems()).toMatchObject([{ name: 'news' }]);
  });

  it('keeps its rows locked until the transaction around it ends', async () => {
    const free = async () => (await test.database.query('select id from tag for update skip locked')).length;
    await test.orm.em.fork().transactional(async em => {
      await revy.baseline(em, Tag, { chunkRows: 1 });
      expect(await free()).toBe(0);
    });
    expect(await free()).toBe(1);
  });
});
