import { defineEntity, p } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { HistoryService } from '@revy/mikro-orm';
import { Comment, Post, Tag, User } from '../support/blog.js';
import { byContent } from '../support/order.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { createTwins, outcome, type Twin, type Twins } from './twins.js';

let twins: Twins;
beforeAll(async () => {
  twins = await createTwins();
});
afterAll(() => twins.close());
beforeEach(() => twins.empty());

async function seed({ orm }: Twin): Promise<void> {
  const em = orm.em.fork();
  for (let n = 0; n < 6; n++) {
    em.create(User, { name: `user ${n}`, email: null });
    const post = em.create(Post, { title: `post ${n}`, slug: null, views: n, meta: null, author: null });
    em.create(Comment, { text: `comment ${n}`, post });
    post.tags.add(em.create(Tag, { name: `tag ${n}` }));
  }
  await em.flush();
  await twins.forget();
}

/** Two entity managers that have loaded everything before either of them changes anything. */
async function loadTwice({ orm }: Twin) {
  const load = async (em: EntityManager) => ({
    em,
    users: await em.find(User, {}, { orderBy: { id: 1 } }),
    posts: await em.find(Post, {}, { orderBy: { id: 1 } }),
    comments: await em.find(Comment, {}, { orderBy: { id: 1 } }),
  });
  return [await load(orm.em.fork()), await load(orm.em.fork())] as const;
}

const objects = async () => (await twins.tracked.deltas()).map(row => `${row.action} ${row.object}`);

describe('rows that another transaction has deleted meanwhile', () => {
  it('one that is updated, by itself and among others', async () => {
    await twins.both(async twin => {
      await seed(twin);
      const [first, second] = await loadTwice(twin);
      first.em.remove(first.comments[0]!).remove(first.comments[1]!).remove(first.users[2]!);
      await first.em.flush();
      second.comments[0]!.text = 'alone';
      await second.em.flush();
      for (const comment of second.comments.slice(1)) comment.text += '!';
      for (const user of second.users) user.name += '!';
      await second.em.flush();
    });
    expect((await objects()).slice(3).toSorted(byContent)).toEqual([
      ...[3, 4, 5, 6].map(id => `update Comment:${id}`),
      ...[1, 2, 4, 5, 6].map(id => `update User:${id}`),
    ]);
  });

  it('one that is deleted, by itself and among others', async () => {
    await twins.both(async twin => {
      await seed(twin);
      const [first, second] = await loadTwice(twin);
      first.em.remove(first.comments[0]!).remove(first.comments[1]!).remove(first.posts[3]!).remove(first.users[0]!);
      await first.em.flush();
      second.em.remove(second.comments[0]!);
      await second.em.flush();
      for (const one of [...second.comments.slice(1), ...second.users.slice(0, 3)]) second.em.remove(one);
      second.em.remove(second.posts[3]!).remove(second.posts[4]!);
      await second.em.flush();
    });
    const seen = await objects();
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter(one => one.startsWith('delete Comment'))).toHaveLength(6);
  });

  it('and where one reads its own history in between', async () => {
    await twins.both(async twin => {
      await seed(twin);
      const [first, second] = await loadTwice(twin);
      first.em.remove(first.comments[0]!);
      await first.em.flush();
      await second.em.begin();
      second.em.remove(second.comments[0]!).remove(second.comments[1]!);
      await second.em.flush();
      if (twin.orm === twins.tracked.orm) await new HistoryService(second.em).revisions();
      second.comments[2]!.text = 'and more';
      second.em.remove(second.comments[3]!);
      await second.em.commit();
    });
    expect(await objects()).toEqual(['delete Comment:1', 'delete Comment:2', 'update Comment:3', 'delete Comment:4']);
  });

  it('by SQL, which the history has not seen: it learns that they are gone', async () => {
    const { orm, database } = twins.tracked;
    await seed(twins.twin);
    const em = orm.em.fork();
    const comments = await em.find(Comment, {}, { orderBy: { id: 1 } });
    await database.query('delete from comment where id = 1');
    em.remove(comments[0]!).remove(comments[1]!);
    await em.flush();
    expect(await objects()).toEqual(['delete Comment:1', 'delete Comment:2']);
  });

  it('by a rule of the database, in the same transaction', async () => {
    await twins.both(async twin => {
      await seed(twin);
      const [, { em, posts, comments }] = await loadTwice(twin);
      await em.transactional(async inner => {
        inner.remove(posts[0]!).remove(posts[1]!);
        await inner.flush();
        comments[0]!.text = 'too late';
        inner.remove(comments[1]!);
        await inner.flush();
      });
    });
    expect((await objects()).filter(one => one.includes('Comment'))).toEqual(['delete Comment:1', 'delete Comment:2']);
  });

  it('a row that a trigger keeps as it is has not changed', async () => {
    const { orm, database } = twins.tracked;
    await seed(twins.twin);
    await database.query(`create function keep() returns trigger language plpgsql as $$ begin return null; end $$`);
    await database.query('create trigger keep before update on comment for each row execute function keep()');
    const em = orm.em.fork();
    (await em.findOneOrFail(Comment, 1)).text = 'kept from it';
    (await em.findOneOrFail(User, 1)).name = 'changed';
    await em.flush();
    await database.query('drop function keep cascade');
    expect(await objects()).toEqual(['update User:1']);
  });
});

describe('an entity manager that goes on after a rollback', () => {
  const undo = (em: EntityManager, work: (inner: EntityManager) => Promise<void>) =>
    outcome(() =>
      em.transactional(async inner => {
        await work(inner);
        await inner.flush();
        throw new Error('undo');
      }),
    );

  it('has true old values, whatever it believes that it has written', async () => {
    await twins.both(async twin => {
      await seed(twin);
      const [{ em, posts }] = await loadTwice(twin);
      await undo(em, async () => {
        Object.assign(posts[0]!, { title: 'rolled back', views: 100 });
        Object.assign(posts[1]!, { title: 'rolled back, too' });
      });
      posts[0]!.views = 7;
      await em.flush();
      posts[0]!.title = 'written later';
      posts[1]!.views = 8;
      await em.flush();
    });
    expect((await twins.tracked.deltas()).map(row => [row.object, row.old, row.new])).toEqual([
      ['Post:1', { views: 0 }, { views: 7 }],
      ['Post:1', { title: 'post 0' }, { title: 'written later' }],
      ['Post:2', { views: 1 }, { views: 8 }],
    ]);
  });

  it('by hand, and of a flush that failed by itself', async () => {
    const result = await twins.both(async twin => {
      await seed(twin);
      const [{ em, posts, users }] = await loadTwice(twin);
      await em.begin();
      posts[0]!.title = 'rolled back';
      await em.flush();
      await em.rollback();
      posts[0]!.title = 'by hand';
      users[0]!.name = 'written first, and rolled back';
      posts[1]!.slug = 'x'.repeat(300);
      const failed = await outcome(() => em.flush());
      posts[1]!.slug = null;
      Object.assign(users[0]!, { name: 'after the flush', email: 'a@b' });
      await em.flush();
      return failed;
    });
    expect(result).toMatchObject({ value: { code: '22001' } });
    expect((await twins.tracked.deltas()).map(row => [row.old, row.new])).toEqual([
      [
        { name: 'user 0', email: null },
        { name: 'after the flush', email: 'a@b' },
      ],
      [{ title: 'post 0' }, { title: 'by hand' }],
    ]);
  });

  it('a savepoint that is rolled back, and a transaction around it that goes on', async () => {
    await twins.both(async twin => {
      await seed(twin);
      const [{ em, posts }] = await loadTwice(twin);
      await em.transactional(async outer => {
        posts[0]!.title = 'kept';
        await outer.flush();
        await undo(outer, async () => {
          Object.assign(posts[0]!, { title: 'undone', views: 50 });
          posts[1]!.title = 'undone';
        });
        posts[0]!.views = 60;
        posts[1]!.views = 61;
      });
    });
    expect((await twins.tracked.deltas()).map(row => [row.object, row.old, row.new])).toEqual([
      ['Post:1', { title: 'post 0', views: 0 }, { title: 'kept', views: 60 }],
      ['Post:2', { views: 1 }, { views: 61 }],
    ]);
  });

  it('has no history of objects whose creation was rolled back', async () => {
    await twins.both(async twin => {
      await seed(twin);
      const em = twin.orm.em.fork();
      await em.begin();
      const made = ['one', 'two', 'three'].map(name => em.create(User, { name, email: null }));
      await em.flush();
      await em.rollback();
      made[0]!.name = 'changed';
      await em.flush();
      em.remove(made[1]!);
      await em.flush();
      made[0]!.name = 'once more';
      em.remove(made[2]!);
      em.create(User, { name: 'new', email: null });
      await em.flush();
    });
    expect((await twins.tracked.deltas()).map(row => row.new)).toEqual([{ name: 'new', email: null }]);
  });

  it('deletes what it believes to have changed', async () => {
    await twins.both(async twin => {
      await seed(twin);
      const [{ em, users }] = await loadTwice(twin);
      await undo(em, async () => {
        users[0]!.name = 'rolled back';
      });
      em.remove(users[0]!);
      await em.flush();
    });
    expect((await twins.tracked.deltas()).map(row => row.old)).toEqual([{ name: 'user 0', email: null }]);
  });
});

class Seat {
  row!: string;
  number!: number;
  guest!: string;
}

class Ticket {
  code!: string;
  seat!: Seat;
  price!: number;
}

class Stub {
  ticket!: Ticket;
  note!: string;
}

const SeatSchema = defineEntity({
  class: Seat,
  properties: { row: p.string().primary(), number: p.integer().primary(), guest: p.string() },
});
const TicketSchema = defineEntity({
  class: Ticket,
  properties: {
    code: p.uuid().primary(),
    seat: () => p.manyToOne(Seat),
    price: p.bigint('number'),
  },
});
const StubSchema = defineEntity({
  class: Stub,
  properties: { ticket: () => p.oneToOne(Ticket).primary().owner().deleteRule('no action'), note: p.string() },
});

describe('rows that are missing, with keys of every kind', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm([SeatSchema, TicketSchema, StubSchema]);
  });
  afterAll(() => test.close());

  it('are told from those that are not, in one statement of updates', async () => {
    const em = test.orm.em.fork();
    const codes = [1, 2, 3].map(n => `ABCDEF00-0000-4000-8000-00000000000${n}`);
    for (const [index, code] of codes.entries()) {
      const seat = em.create(Seat, { row: `a~~~${index}`, number: index, guest: 'nobody' });
      const ticket = em.create(Ticket, { code, seat, price: 10 });
      em.create(Stub, { ticket, note: 'torn' });
    }
    await em.flush();
    await test.forget();
    const late = test.orm.em.fork();
    const stubs = await late.find(Stub, {}, { populate: ['ticket.seat'], orderBy: { ticket: { code: 1 } } });
    await test.database.query(
      `delete from stub where ticket_code::text like '%1'; delete from ticket where code::text like '%1'; delete from seat where number = 0`,
    );
    for (const stub of stubs) {
      stub.note = 'seen';
      stub.ticket.price = 20;
      stub.ticket.seat.guest = 'Ann';
    }
    await late.flush();
    const [, two, three] = codes.map(code => code.toLowerCase());
    expect((await test.deltas()).map(row => row.object).toSorted(byContent)).toEqual([
      'Seat:["a~~~1",1]',
      'Seat:["a~~~2",2]',
      `Stub:${two}`,
      `Stub:${three}`,
      `Ticket:${two}`,
      `Ticket:${three}`,
    ]);
  });
});
