import { type MikroORM, raw } from '@mikro-orm/postgresql';
import { setTimeout as sleep } from 'node:timers/promises';
import { adoptNewEntity, clearAttribution } from '../../libs/mikro-orm/src/capture/attribution.js';
import { keepFrames } from '../../libs/mikro-orm/src/capture/flush-frames.js';
import { whileFlushing } from '../../libs/mikro-orm/src/capture/running-flush.js';
import { RevisionContext } from '@revy/mikro-orm';
import { Address, type AttributionOrm, Author, Post, seed, startOrm, stepsOf } from './attribution-fixture.js';

const as = <Result>(actor: string, fn: () => Result): Result =>
  RevisionContext.run({ actor: Object(actor) as object }, fn);
const steps = (entity: object) => JSON.parse(JSON.stringify(stepsOf(entity))) as unknown;

let fixture: AttributionOrm;
let orm: MikroORM;
let ids: { post: number; author: number };

beforeAll(async () => {
  fixture = await startOrm();
  orm = fixture.orm;
});
afterAll(() => fixture.close());
beforeEach(async () => {
  ids = await seed(orm);
});

describe('assignments', () => {
  it('credit each attribute of a loaded entity to whoever set it', async () => {
    const post = await orm.em.fork().findOneOrFail(Post, ids.post);
    as('alice', () => (post.title = 'New'));
    await as('bob', async () => {
      await sleep(1);
      post.slug = 'new';
    });
    expect(steps(post)).toEqual({ title: [['alice']], slug: [['bob']] });
    expect([post.title, post.slug, Object.keys(post).includes('title')]).toEqual(['New', 'new', true]);
  });

  it('keep two actors on one attribute in order, with what each one left behind', async () => {
    const post = await orm.em.fork().findOneOrFail(Post, ids.post);
    as('alice', () => {
      post.title = 'A';
      post.title = 'AA';
    });
    as('bob', () => (post.title = 'B'));
    as('alice', () => (post.title = 'C'));
    expect(steps(post)).toEqual({ title: [['alice', 'AA'], ['bob', 'B'], ['alice']] });
  });

  it('leave what is set outside every frame, or in a disabled one, to whoever flushes', async () => {
    const post = await orm.em.fork().findOneOrFail(Post, ids.post);
    post.slug = 'nobody';
    as('alice', () => (post.title = 'A'));
    as('alice', () => (post.views = 2));
    post.title = 'B';
    RevisionContext.runDisabled(() => (post.views = 3));
    expect(steps(post)).toEqual({
      title: [['alice', 'A'], ['whoever flushes']],
      views: [['alice', 2], ['whoever flushes']],
    });
  });

  it('ignore a value that is there already', async () => {
    const post = await orm.em.fork().findOneOrFail(Post, ids.post);
    as('alice', () => {
      post.title = 'Old';
      Object.assign(post, { author: post.author, settings: post.settings });
    });
    expect(steps(post)).toEqual({});
  });

  it('are seen on references that were never loaded', () => {
    const em = orm.em.fork();
    const post = em.getReference(Post, ids.post);
    as('alice', () => (post.title = 'New'));
    expect(steps(post)).toEqual({ title: [['alice']] });
  });

  it('are seen on relations, with and without an inverse side, and through a collection', async () => {
    const em = orm.em.fork();
    const post = await em.findOneOrFail(Post, ids.post);
    const other = await em.findOneOrFail(Post, (await seed(orm)).post, { populate: ['author.posts'] });
    as('alice', () => (post.reviewer = em.getReference(Author, ids.author)));
    as('bob', () => (post.author = null));
    as('carol', () => other.author!.posts.add(post));
    expect(stepsOf(post)).toMatchObject({
      reviewer: [[Object('alice')]],
      author: [[Object('bob'), null], [Object('carol')]],
    });
    expect(post.author).toBe(other.author);
  });

  it('are seen through the class’s own setter, after it has had its say', async () => {
    const post = await orm.em.fork().findOneOrFail(Post, ids.post);
    as('alice', () => (post.subtitle = '  sub  '));
    as('bob', () => (post.subtitle = 'sub'));
    as('carol', () => (post.note = 'backed by a field'));
    expect([post.subtitle, steps(post)]).toEqual(['sub', { subtitle: [['alice']], _note: [['carol']] }]);
  });

  it('of em.assign count where they change something', async () => {
    const work = orm.em.fork();
    const post = await work.findOneOrFail(Post, ids.post);
    as('alice', () => work.assign(post, { title: 'New', views: 1, office: { street: 'Ash', city: 'Bonn' } }));
    expect(steps(post)).toEqual({ title: [['alice']], office: [['alice']] });
  });
});

describe('new entities', () => {
  it('are credited with what their class fields hold when they are adopted, and with every later assignment', () => {
    const post = new Post();
    post.title = 'First';
    as('alice', () => adoptNewEntity(post));
    as('bob', () => (post.slug = 'first'));
    adoptNewEntity(post);
    expect(steps(post)).toEqual({
      title: [['alice']],
      slug: [['alice', null], ['bob']],
      views: [['alice']],
    });
    expect(Object.keys(post)).toContain('title');
  });

  it('are stored as they would have been without us', async () => {
    const work = orm.em.fork();
    const post = new Post();
    Object.assign(post, { title: 'First', settings: { theme: 'dark' }, author: work.getReference(Author, ids.author) });
    post.home = Object.assign(new Address(), { street: 'Elm', city: 'Bonn' });
    as('alice', () => {
      adoptNewEntity(post);
      work.persist(post);
    });
    await work.flush();
    const stored = await orm.em.fork().findOneOrFail(Post, post.id);
    expect(stored).toMatchObject({ title: 'First', slug: null, settings: { theme: 'dark' }, home: { street: 'Elm' } });
    expect(stored.author!.id).toBe(ids.author);
    expect(steps(post)).toMatchObject({ author: [['alice']], home: [['alice']] });
  });

  it('take the new entities along that they refer to', () => {
    const author = orm.em.fork().create(Author, { name: 'Ann' });
    const post = new Post();
    author.posts.add(post);
    as('alice', () => adoptNewEntity(author));
    as('bob', () => (post.title = 'First'));
    expect(steps(author)).toEqual({ name: [['alice']] });
    expect(steps(post)).toMatchObject({ title: [['bob']] });
  });

  it('made by em.create and changed by em.assign are credited the same way', () => {
    const work = orm.em.fork();
    const post = as('alice', () => {
      const created = work.create(Post, { title: 'First', views: 5 });
      adoptNewEntity(created);
      return created;
    });
    as('bob', () => work.assign(post, { title: 'Second', author: ids.author }));
    expect(steps(post)).toMatchObject({ title: [['alice', 'First'], ['bob']], views: [['alice']], author: [['bob']] });
  });
});

describe('what the ORM does by itself', () => {
  it('is credited to nobody: loading, refreshing, flushing', async () => {
    const work = orm.em.fork();
    const post = await as('alice', () => work.findOneOrFail(Post, ids.post, { populate: ['author', 'body'] }));
    expect(steps(post)).toEqual({});
    post.title = 'New';
    await as('alice', async () => {
      await whileFlushing(work.getUnitOfWork(), () => work.flush());
      await work.refresh(post);
      await work.find(Post, {});
    });
    expect(steps(post)).toEqual({});
    expect(post.title).toBe('New');
  });

  it('takes back, on a refresh, the changes that it undoes', async () => {
    const work = orm.em.fork();
    const post = await work.findOneOrFail(Post, ids.post);
    as('alice', () => (post.title = 'New'));
    as('alice', () => (post.settings!.theme = 'dark'));
    await work.refresh(post);
    post.title = 'Newer';
    expect([post.settings, steps(post)]).toEqual([{ theme: 'light' }, {}]);
  });

  it('survives a failed flush, and starts over when the changes are recorded', async () => {
    const work = orm.em.fork();
    const post = await work.findOneOrFail(Post, ids.post);
    as('alice', () => (post.title = null as never));
    await expect(work.flush()).rejects.toThrow('null value in column "title"');
    expect(steps(post)).toEqual({ title: [['alice']] });
    clearAttribution(post);
    as('bob', () => (post.title = 'B'));
    expect(steps(post)).toEqual({ title: [['bob']] });
  });

  it('is not taken for a change when a transaction hands its entities back', async () => {
    const work = orm.em.fork();
    const post = await work.findOneOrFail(Post, ids.post);
    const inside = await as('alice', () =>
      work.transactional(
        async inner => {
          const own = await inner.findOneOrFail(Post, ids.post);
          own.title = 'Inside';
          return own;
        },
        { clear: true },
      ),
    );
    expect([inside === post, post.title, steps(post), steps(inside)]).toEqual([
      false,
      'Inside',
      {},
      { title: [['alice']] },
    ]);
  });

  it('leaves the steps alone when a fork flushes the entities that it shares with its parent', async () => {
    const work = orm.em.fork();
    const post = await work.findOneOrFail(Post, ids.post);
    await as('alice', () =>
      work.transactional(inner => {
        post.views = raw('views + 1');
        keepFrames(inner.getUnitOfWork(), async () => {});
      }),
    );
    expect([post.views, steps(post)]).toEqual([2, { views: [['alice']] }]);
  });
});

it('never mixes two frames that run side by side on two forks', async () => {
  const change = (actor: string) =>
    as(actor, async () => {
      const post = await orm.em.fork().findOneOrFail(Post, ids.post);
      for (const title of [`${actor} 1`, `${actor} 2`]) {
        await sleep(1);
        post.title = title;
        post.settings!.theme = title;
      }
      return steps(post);
    });
  expect(await Promise.all([change('alice'), change('bob')])).toEqual([
    { title: [['alice']], settings: [['alice']] },
    { title: [['bob']], settings: [['bob']] },
  ]);
});
