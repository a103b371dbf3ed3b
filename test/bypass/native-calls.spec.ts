import { raw } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { RevisionContext, SystemActor } from '@revy/mikro-orm';
import { Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { forgetWitnessed, installWitness, recorded, witnessed } from './witness.js';

let t: TestOrm;

beforeAll(async () => {
  t = await createOrm();
  await installWitness(t);
});

afterAll(async () => t.close());

beforeEach(async () => {
  await RevisionContext.runDisabled(async () => {
    const em = t.orm.em.fork();
    await em.execute('truncate post, "user", tag restart identity cascade');
    await em.insertMany(User, [
      { name: 'Ann', email: 'ann@x.org' },
      { name: 'Bob', email: 'bob@x.org' },
    ]);
    await em.insertMany(Post, [post('one', 1), post('two', 2)]);
  });
  await forget();
});

async function forget(): Promise<void> {
  await t.forget();
  await forgetWitnessed(t);
}

function post(title: string, author: number | null, more: Partial<Post> = {}) {
  return { title, views: 0, slug: null, meta: null, author, ...more } as never;
}

function make<T extends object>(em: EntityManager, type: new () => T, data: object): T {
  return em.create(type, data as never, { persist: false });
}

interface Call {
  readonly name: string;
  readonly run: (em: EntityManager) => Promise<unknown>;
  readonly deltas: readonly object[];
}

const NEW_POST = { title: 'new', views: 0, slug: null, meta: { a: [1, null] }, author: 2 };
const ONE = { title: 'one', views: 0, slug: null, meta: null, author: 1 };
const TWO = { title: 'two', views: 0, slug: null, meta: null, author: 2 };

const CALLS: readonly Call[] = [
  {
    name: 'insert of data',
    run: em => em.insert(Post, post('new', 2, { meta: { a: [1, null] } })),
    deltas: [{ object: 'Post:3', action: 'create', old: null, new: NEW_POST }],
  },
  {
    name: 'insert of an entity',
    run: em => em.insert(make(em, Post, { title: 'new', views: 0, meta: { a: [1, null] }, author: 2 })),
    deltas: [{ object: 'Post:3', action: 'create', old: null, new: NEW_POST }],
  },
  {
    name: 'insertMany of data',
    run: em => em.insertMany(Post, [post('new', 2, { meta: { a: [1, null] } }), post('newer', null)]),
    deltas: [
      { object: 'Post:3', action: 'create', old: null, new: NEW_POST },
      { object: 'Post:4', action: 'create', old: null, new: { ...ONE, title: 'newer', author: null } },
    ],
  },
  {
    name: 'insertMany of entities',
    run: em =>
      em.insertMany([
        make(em, Post, { title: 'new', views: 0, meta: { a: [1, null] }, author: 2 }),
        make(em, Post, { title: 'newer', views: 0 }),
      ]),
    deltas: [
      { object: 'Post:3', action: 'create', old: null, new: NEW_POST },
      { object: 'Post:4', action: 'create', old: null, new: { ...ONE, title: 'newer', author: null } },
    ],
  },
  {
    name: 'nativeUpdate by a condition with a join',
    run: em => em.nativeUpdate(Post, { author: { name: 'Ann' } }, { title: 'changed', meta: { b: 1 } }),
    deltas: [
      {
        object: 'Post:1',
        action: 'update',
        old: { title: 'one', meta: null },
        new: { title: 'changed', meta: { b: 1 } },
      },
    ],
  },
  {
    name: 'nativeUpdate with an SQL expression',
    run: em => em.nativeUpdate(Post, {}, { views: raw('views + id') }),
    deltas: [
      { object: 'Post:1', action: 'update', old: { views: 0 }, new: { views: 1 } },
      { object: 'Post:2', action: 'update', old: { views: 0 }, new: { views: 2 } },
    ],
  },
  {
    name: 'nativeUpdate of a relation by key',
    run: em => em.nativeUpdate(Post, 2, { author: null }),
    deltas: [{ object: 'Post:2', action: 'update', old: { author: 2 }, new: { author: null } }],
  },
  {
    name: 'nativeUpdate to the values that are there',
    run: em => em.nativeUpdate(Post, { id: 1 }, { title: 'one' }),
    deltas: [],
  },
  {
    name: 'nativeUpdate that finds nothing',
    run: em => em.nativeUpdate(Post, { id: 99 }, { title: 'x' }),
    deltas: [],
  },
  {
    name: 'nativeUpdate of a key',
    run: em => em.nativeUpdate(Post, { id: 1 }, { id: 50, title: 'moved' }),
    deltas: [
      { object: 'Post:1', action: 'delete', old: ONE, new: null },
      { object: 'Post:50', action: 'create', old: null, new: { ...ONE, title: 'moved' } },
    ],
  },
  {
    name: 'nativeDelete',
    run: em => em.nativeDelete(Post, { title: { $like: 't%' } }),
    deltas: [{ object: 'Post:2', action: 'delete', old: TWO, new: null }],
  },
  {
    name: 'nativeDelete by keys, through a join',
    run: em => em.nativeDelete(Post, { author: { email: 'ann@x.org' } }),
    deltas: [{ object: 'Post:1', action: 'delete', old: ONE, new: null }],
  },
  {
    name: 'upsert of data that inserts',
    run: em => em.upsert(User, { name: 'Cid', email: 'cid@x.org' }),
    deltas: [{ object: 'User:3', action: 'create', old: null, new: { name: 'Cid', email: 'cid@x.org' } }],
  },
  {
    name: 'upsert of an entity that updates',
    run: em => em.upsert(make(em, User, { name: 'Anna', email: 'ann@x.org' })),
    deltas: [{ object: 'User:1', action: 'update', old: { name: 'Ann' }, new: { name: 'Anna' } }],
  },
  {
    name: 'upsertMany of data',
    run: em =>
      em.upsertMany(User, [
        { name: 'Ann', email: 'ann@x.org' },
        { name: 'Bobby', email: 'bob@x.org' },
        { name: 'Cid', email: 'cid@x.org' },
      ]),
    deltas: [
      { object: 'User:2', action: 'update', old: { name: 'Bob' }, new: { name: 'Bobby' } },
      // the sequence has been asked for the two that were not inserted
      { object: 'User:5', action: 'create', old: null, new: { name: 'Cid', email: 'cid@x.org' } },
    ],
  },
  {
    name: 'upsertMany of entities',
    run: em =>
      em.upsertMany([
        make(em, User, { name: 'Anna', email: 'ann@x.org' }),
        make(em, User, { name: 'Cid', email: 'cid@x.org' }),
      ]),
    deltas: [
      { object: 'User:1', action: 'update', old: { name: 'Ann' }, new: { name: 'Anna' } },
      { object: 'User:4', action: 'create', old: null, new: { name: 'Cid', email: 'cid@x.org' } },
    ],
  },
  {
    name: 'clone by a condition',
    run: em => em.clone(Post, { id: 1 }, { title: 'copy' } as never),
    deltas: [{ object: 'Post:3', action: 'create', old: null, new: { ...ONE, title: 'copy' } }],
  },
  {
    name: 'clone of an entity',
    run: async em => em.clone(await em.findOneOrFail(Post, 2), { slug: 'copy' }),
    deltas: [{ object: 'Post:3', action: 'create', old: null, new: { ...TWO, slug: 'copy' } }],
  },
];

async function objects(): Promise<object[]> {
  return (await t.deltas()).map(({ object, action, old, new: now }) => ({ object, action, old, new: now }));
}

async function agrees(): Promise<void> {
  expect(await recorded(t)).toEqual(await witnessed(t));
}

describe.each(CALLS)('$name', ({ run, deltas }) => {
  it('is recorded in a transaction of its own', async () => {
    await run(t.orm.em.fork());
    expect(await objects()).toEqual(deltas);
    expect(await t.revisions()).toHaveLength(deltas.length ? 1 : 0);
    await agrees();
  });

  it('is recorded in the transaction that is open', async () => {
    await t.orm.em.fork().transactional(async em => {
      await run(em);
      expect(await objects()).toEqual([]);
    });
    expect(await objects()).toEqual(deltas);
    await agrees();
  });

  it('is recorded between begin and commit, and not if it is rolled back', async () => {
    const em = t.orm.em.fork();
    await em.begin();
    await run(em);
    await em.commit();
    expect(await objects()).toEqual(deltas);
    await agrees();
    await forget();
    const other = t.orm.em.fork();
    await other.begin();
    await run(other).catch(() => {});
    await other.rollback();
    expect(await objects()).toEqual([]);
  });

  it('is forgotten with the savepoint that it was made in', async () => {
    await t.orm.em.fork().transactional(async em => {
      await em.nativeUpdate(User, 1, { name: 'before' });
      await em
        .transactional(async inner => {
          await run(inner);
          throw new Error('back');
        })
        .catch(() => {});
    });
    expect(await objects()).toEqual([
      { object: 'User:1', action: 'update', old: { name: 'Ann' }, new: { name: 'before' } },
    ]);
    await agrees();
  });

  it('is credited to the frame that it is made in', async () => {
    await RevisionContext.run({ actor: new SystemActor('importer'), objectDeltaDescription: 'import' }, async () => {
      await run(t.orm.em.fork());
    });
    const common = { actor: 'system:importer', description: 'import' };
    expect((await t.deltas()).map(({ actor, description }) => ({ actor, description }))).toEqual(
      deltas.map(() => common),
    );
  });

  it('is not recorded where tracking is disabled', async () => {
    await RevisionContext.runDisabled(async () => run(t.orm.em.fork()));
    expect(await objects()).toEqual([]);
  });

  it('gives back what the ORM itself would', async () => {
    const ours = await run(t.orm.em.fork());
    await RevisionContext.runDisabled(async () => {
      await t.orm.em.fork().execute('truncate post, "user" restart identity cascade');
      const em = t.orm.em.fork();
      await em.insertMany(User, [
        { name: 'Ann', email: 'ann@x.org' },
        { name: 'Bob', email: 'bob@x.org' },
      ]);
      await em.insertMany(Post, [post('one', 1), post('two', 2)]);
    });
    const untracked = await RevisionContext.runDisabled(async () => run(t.orm.em.fork()));
    expect(JSON.stringify(ours)).toBe(JSON.stringify(untracked));
  });
});

describe('S4: native calls', () => {
  it('are credited to whoever makes them, call by call', async () => {
    const em = t.orm.em.fork();
    await em.transactional(async inner => {
      await RevisionContext.run({ actor: new SystemActor('a') }, async () =>
        inner.nativeUpdate(Post, 1, { title: 'by a' }),
      );
      await RevisionContext.run({ actor: new SystemActor('b'), attributeDeltaDescription: 'why' }, async () =>
        inner.nativeUpdate(Post, 1, { slug: 'by b' }),
      );
    });
    expect(await t.attributes()).toEqual([
      {
        object: 'Post:1',
        attribute: 'slug',
        action: 'set',
        old: null,
        new: 'by b',
        actor: 'system:b',
        description: 'why',
      },
      {
        object: 'Post:1',
        attribute: 'title',
        action: 'set',
        old: 'one',
        new: 'by a',
        actor: 'system:a',
        description: null,
      },
    ]);
  });

  it('join the flushes of their transaction in one revision, and one delta for each object', async () => {
    await t.orm.em.fork().transactional(async em => {
      const one = await em.findOneOrFail(Post, 1);
      one.title = 'flushed';
      await em.flush();
      await em.nativeUpdate(Post, 1, { slug: 'native' });
      await em.nativeDelete(Post, 2);
      await em.insert(Post, { id: 2, ...(post('again', 2) as object) } as never);
    });
    expect(await objects()).toEqual([
      {
        object: 'Post:1',
        action: 'update',
        old: { title: 'one', slug: null },
        new: { title: 'flushed', slug: 'native' },
      },
      { object: 'Post:2', action: 'update', old: { title: 'two' }, new: { title: 'again' } },
    ]);
    expect(await t.revisions()).toHaveLength(1);
    await agrees();
  });

  it('made side by side on one entity manager are each recorded once', async () => {
    const em = t.orm.em.fork();
    await Promise.all([
      em.nativeUpdate(Post, 1, { title: 'a' }),
      em.nativeUpdate(Post, 2, { title: 'b' }),
      em.insert(User, { name: 'Cid', email: null }),
      em.find(Post, {}),
      (async () => {
        const user = await em.findOneOrFail(User, 1);
        user.name = 'flushed';
        await em.flush();
      })(),
    ]);
    expect(await t.revisions()).toHaveLength(4);
    await agrees();
  });

  it('of a repository are recorded too', async () => {
    const em = t.orm.em.fork();
    const posts = em.getRepository(Post);
    await posts.insert(post('new', null));
    await posts.nativeUpdate({ id: 3 }, { title: 'newer' });
    await posts.nativeDelete({ id: 3 });
    await em.getRepository(User).upsert({ name: 'Anna', email: 'ann@x.org' });
    expect((await objects()).map(delta => Object.values(delta).slice(0, 2))).toEqual([
      ['Post:3', 'create'],
      ['Post:3', 'update'],
      ['Post:3', 'delete'],
      ['User:1', 'update'],
    ]);
    await agrees();
  });

  it('record the links of collections in their data, from either side', async () => {
    const em = t.orm.em.fork();
    await em.insertMany(Tag, [{ name: 'a' }, { name: 'b' }, { name: 'c' }]);
    await em.insert(Post, { ...(post('new', null) as object), tags: [1, 2] } as never);
    await forget();
    await em.nativeUpdate(Post, 3, { title: 'newer', tags: [2, 3] } as never);
    await em.nativeUpdate(Tag, 2, { posts: [1] } as never);
    expect(await objects()).toEqual([
      {
        object: 'Post:3',
        action: 'update',
        old: { title: 'new' },
        new: { title: 'newer', tags: { added: [3], removed: [1] } },
      },
      { object: 'Post:3', action: 'update', old: {}, new: { tags: { added: [], removed: [2] } } },
      { object: 'Post:1', action: 'update', old: {}, new: { tags: { added: [2], removed: [] } } },
    ]);
  });

  it('in a hook of a flush add to what the flush did', async () => {
    const em = t.orm.em.fork({ freshEventManager: true });
    em.getEventManager().registerSubscriber({
      async afterCreate({ em: inner, entity }) {
        if (entity instanceof Post) await inner.nativeUpdate(Post, entity.id, { slug: `post-${entity.id}` });
      },
    });
    em.create(Post, post('hooked', 1));
    await em.flush();
    expect(await objects()).toEqual([
      { object: 'Post:3', action: 'create', old: null, new: { ...ONE, title: 'hooked', slug: 'post-3' } },
    ]);
    await agrees();
  });

  it('record what a trigger makes of the rows', async () => {
    await t.database.query(`create function shout() returns trigger language plpgsql as
      $$ begin new.slug := upper(new.title); return new; end $$`);
    await t.database.query(
      'create trigger shout before insert or update on post for each row execute function shout()',
    );
    try {
      const em = t.orm.em.fork();
      await em.insert(Post, post('loud', null));
      await em.nativeUpdate(Post, 1, { title: 'loud' });
      expect(await objects()).toEqual([
        { object: 'Post:3', action: 'create', old: null, new: { ...ONE, title: 'loud', slug: 'LOUD', author: null } },
        {
          object: 'Post:1',
          action: 'update',
          old: { title: 'one', slug: null },
          new: { title: 'loud', slug: 'LOUD' },
        },
      ]);
      await agrees();
    } finally {
      await t.database.query('drop trigger shout on post');
    }
  });

  it('leave rows unrecorded that a trigger keeps in', async () => {
    await t.database.query(`create function keep() returns trigger language plpgsql as
      $$ begin if old.id = 1 then return null; end if; return old; end $$`);
    await t.database.query('create trigger keep before delete on post for each row execute function keep()');
    try {
      await t.orm.em.fork().nativeDelete(Post, {});
      expect(await objects()).toEqual([{ object: 'Post:2', action: 'delete', old: TWO, new: null }]);
    } finally {
      await t.database.query('drop trigger keep on post');
    }
  });

  it.each(['merge', 'ignore'] as const)(
    'upserts (%s) of the same rows by many at once agree',
    async onConflictAction => {
      const worker = async (id: number) => {
        for (let round = 0; round < 8; round++) {
          const user = { name: `${id}/${round}`, email: `${round}@y.org` };
          const upsert = async (em: EntityManager) => em.upsert(User, user, { onConflictAction });
          if (id % 2) await upsert(t.orm.em.fork());
          else await t.orm.em.fork().transactional(async em => em.transactional(async inner => upsert(inner)));
        }
      };
      await Promise.all([1, 2, 3, 4, 5, 6].map(worker));
      expect((await objects()).filter(delta => (delta as { action: string }).action === 'create')).toHaveLength(8);
      await agrees();
    },
  );

  it('do not keep others from referring to a row that they update', async () => {
    const [a, b] = [t.orm.em.fork(), t.orm.em.fork()];
    await a.begin();
    await b.begin();
    // each holds a key share of user 1, as every insert of a child does
    await a.insert(Post, post('a', 1));
    await b.insert(Post, post('b', 1));
    await a.nativeUpdate(User, 1, { name: 'a' });
    const waiting = b.nativeUpdate(User, 1, { name: 'b' });
    await a.commit();
    await waiting;
    await b.commit();
    expect((await objects()).filter(delta => JSON.stringify(delta).includes('User:1'))).toEqual([
      { object: 'User:1', action: 'update', old: { name: 'Ann' }, new: { name: 'a' } },
      { object: 'User:1', action: 'update', old: { name: 'a' }, new: { name: 'b' } },
    ]);
    await agrees();
  });
});
