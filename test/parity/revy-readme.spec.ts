import { HistoryService, Revision, RevisionContext, SnapshotService } from '@revy/mikro-orm';
import { defineEntity, type Opt, p } from '@mikro-orm/core';
import { BLOG, Comment, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

// What Revy for Django's README shows, section by section, in our own words.

class Organization {
  id!: number;
  name!: string;
}

class Entry {
  id!: number;
  title!: string;
  amount!: number;
  exchangeRate!: number;
  localAmount!: number;
  isMarkedAsSpam!: Opt<boolean>;
}

const OrganizationSchema = defineEntity({
  class: Organization,
  properties: { id: p.integer().primary().autoincrement(), name: p.string() },
});
const EntrySchema = defineEntity({
  class: Entry,
  properties: {
    id: p.integer().primary().autoincrement(),
    title: p.string(),
    amount: p.integer(),
    exchangeRate: p.integer(),
    localAmount: p.integer(),
    isMarkedAsSpam: p.boolean().default(false),
  },
});

let test: TestOrm;
beforeAll(async () => {
  test = await createOrm([...BLOG, OrganizationSchema, EntrySchema]);
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.database.query(
    'truncate "user", tag, post, comment, post_tags, organization, entry restart identity cascade',
  );
  await test.forget();
});

async function made<T extends object>(make: (em: ReturnType<TestOrm['orm']['em']['fork']>) => T): Promise<T> {
  const em = test.orm.em.fork();
  const entity = make(em);
  await em.flush();
  await test.forget();
  return entity;
}

const makeEntry = () =>
  made(em => em.create(Entry, { title: 'Rent', amount: 10, exchangeRate: 2, localAmount: 0, isMarkedAsSpam: false }));

describe('usage: a context block', () => {
  it('tracks what is changed in it, for the system and with the revision’s description', async () => {
    const { id } = await makeEntry();
    const em = test.orm.em.fork();
    await RevisionContext.run({ actor: null, revisionDescription: 'Found by the filter.' }, async () => {
      const entry = await em.findOneOrFail(Entry, id);
      entry.isMarkedAsSpam = true;
      await em.flush();
    });
    expect(await test.revisions()).toEqual([
      { id: 1, description: 'Found by the filter.', actor: null, metadata: null },
    ]);
    expect(await test.deltas()).toEqual([
      {
        revision: 1,
        action: 'update',
        object: `Entry:${id}`,
        old: { isMarkedAsSpam: false },
        new: { isMarkedAsSpam: true },
        actor: null,
        description: null,
      },
    ]);
    const revision = await em.findOneOrFail(Revision, 1);
    expect(await revision.actors).toEqual([null]);
  });
});

describe('polymorphic actors', () => {
  it('an actor can be of any class: the request’s header decides for whom it acts', async () => {
    const user = await made(em => em.create(User, { name: 'Ann', email: null }));
    const organization = await made(em => em.create(Organization, { name: 'Acme' }));
    const { id } = await makeEntry();
    const handle = (headers: Record<string, string>, amount: number) =>
      RevisionContext.run({}, async () => {
        RevisionContext.set('actor', 'x-perform-as-organization' in headers ? organization : user);
        const em = test.orm.em.fork();
        (await em.findOneOrFail(Entry, id)).amount = amount;
        await em.flush();
      });
    await handle({ 'x-perform-as-organization': '1' }, 20);
    await handle({}, 30);
    expect(await test.deltas()).toMatchObject([
      { old: { amount: 10 }, new: { amount: 20 }, actor: `Organization:${organization.id}` },
      { old: { amount: 20 }, new: { amount: 30 }, actor: `User:${user.id}` },
    ]);
    const revisions = await new HistoryService(test.orm.em.fork()).revisions();
    const actors = await Promise.all(revisions.map(revision => revision.actors));
    expect(actors).toMatchObject([[{ name: 'Acme' }], [{ name: 'Ann' }]]);
    expect(actors.flat().map(actor => actor?.constructor)).toEqual([Organization, User]);
  });
});

describe('collaborative revisions', () => {
  it('credits each attribute to whoever set it: two actors, one flush, one revision', async () => {
    const user = await made(em => em.create(User, { name: 'Ann', email: null }));
    const { id } = await makeEntry();
    const em = test.orm.em.fork();
    await RevisionContext.run({ actor: user }, async () => {
      RevisionContext.set('revisionDescription', 'Rent of May');
      const entry = await em.findOneOrFail(Entry, id);
      em.assign(entry, { title: 'Rent, May', amount: 11 });
      const localAmount = entry.amount * entry.exchangeRate;
      if (entry.localAmount !== localAmount) {
        RevisionContext.run({ actor: null, attributeDeltaDescription: 'Corrected by the system.' }, () => {
          entry.localAmount = localAmount;
        });
      }
      await em.flush();
    });
    expect(await test.revisions()).toEqual([
      { id: 1, description: 'Rent of May', actor: `User:${user.id}`, metadata: null },
    ]);
    const object = `Entry:${id}`;
    const actor = `User:${user.id}`;
    expect(await test.deltas()).toMatchObject([
      {
        revision: 1,
        object,
        actor,
        old: { title: 'Rent', amount: 10, localAmount: 0 },
        new: { title: 'Rent, May', amount: 11, localAmount: 22 },
      },
    ]);
    expect(await test.attributes()).toEqual([
      { object, attribute: 'amount', action: 'set', old: 10, new: 11, actor, description: null },
      {
        object,
        attribute: 'localAmount',
        action: 'set',
        old: 0,
        new: 22,
        actor: null,
        description: 'Corrected by the system.',
      },
      { object, attribute: 'title', action: 'set', old: 'Rent', new: 'Rent, May', actor, description: null },
    ]);
    const [revision] = await new HistoryService(em).revisions();
    expect(await revision!.actors).toMatchObject([{ name: 'Ann' }, null]);
    expect(await revision!.actors).toHaveLength(2);
  });

  it('does so for an object that was just made, too', async () => {
    const user = await made(em => em.create(User, { name: 'Ann', email: null }));
    const em = test.orm.em.fork();
    await RevisionContext.run({ actor: user }, async () => {
      const entry = em.create(Entry, { title: 'New', amount: 3, exchangeRate: 4, localAmount: 0 });
      RevisionContext.run({ actor: null, attributeDeltaDescription: 'Corrected by the system.' }, () => {
        entry.localAmount = 12;
      });
      await em.flush();
    });
    expect((await test.attributes()).filter(({ attribute }) => /title|localAmount/.test(attribute))).toMatchObject([
      { attribute: 'localAmount', old: null, new: 0, actor: `User:${user.id}`, description: null },
      { attribute: 'localAmount', old: 0, new: 12, actor: null, description: 'Corrected by the system.' },
      { attribute: 'title', new: 'New', actor: `User:${user.id}`, description: null },
    ]);
  });
});

describe('deletion', () => {
  it('keeps actor and reason of what the user removed; what the ORM’s cascade took along is the system’s, with its own reason', async () => {
    const admin = await made(em => em.create(User, { name: 'Admin', email: null }));
    const post = await made(em => {
      const one = em.create(Post, { title: 'Bye', slug: null, views: 0, meta: null, author: null });
      em.create(Comment, { text: 'first', post: one });
      em.create(Comment, { text: 'second', post: one });
      return one;
    });
    const em = test.orm.em.fork();
    await RevisionContext.run(
      {
        actor: admin,
        objectDeltaDescription: 'Closed at the owner’s request.',
        deletionDescription: 'Went with the post that it belonged to.',
      },
      async () => {
        await em.remove(await em.findOneOrFail(Post, post.id, { populate: ['comments'] })).flush();
      },
    );
    const deltas = (await test.deltas()).sort((a, b) => b.object.localeCompare(a.object));
    expect(deltas).toEqual([
      {
        revision: 1,
        action: 'delete',
        object: 'Post:1',
        old: { title: 'Bye', slug: null, views: 0, meta: null, author: null },
        new: null,
        actor: `User:${admin.id}`,
        description: 'Closed at the owner’s request.',
      },
      {
        revision: 1,
        action: 'delete',
        object: 'Comment:2',
        old: { text: 'second', post: 1 },
        new: null,
        actor: null,
        description: 'Went with the post that it belonged to.',
      },
      {
        revision: 1,
        action: 'delete',
        object: 'Comment:1',
        old: { text: 'first', post: 1 },
        new: null,
        actor: null,
        description: 'Went with the post that it belonged to.',
      },
    ]);
    expect(await test.revisions()).toHaveLength(1);
  });

  it('E18: an orphan that a collection let go is taken along as well', async () => {
    const admin = await made(em => em.create(User, { name: 'Admin', email: null }));
    const post = await made(em => {
      const one = em.create(Post, { title: 'Stays', slug: null, views: 0, meta: null, author: null });
      em.create(Comment, { text: 'orphan', post: one });
      return one;
    });
    const em = test.orm.em.fork();
    await RevisionContext.run(
      { actor: admin, objectDeltaDescription: 'edited', deletionDescription: 'no longer part of its post' },
      async () => {
        const loaded = await em.findOneOrFail(Post, post.id, { populate: ['comments'] });
        loaded.comments.removeAll();
        loaded.title = 'Stayed';
        await em.flush();
      },
    );
    expect(await test.deltas()).toMatchObject([
      {
        action: 'update',
        object: 'Post:1',
        new: { title: 'Stayed' },
        actor: `User:${admin.id}`,
        description: 'edited',
      },
      { action: 'delete', object: 'Comment:1', actor: null, description: 'no longer part of its post' },
    ]);
  });
});

describe('snapshots and rollbacks', () => {
  async function deletedSnapshot<T extends object>(entity: new () => T, id: number) {
    const em = test.orm.em.fork();
    const [deletion] = await new HistoryService(em).deltas(entity, id as never, {
      action: 'delete',
      order: 'desc',
      limit: 1,
    });
    return (await new SnapshotService(em).at(entity, id as never, { before: deletion!.revision }))!;
  }

  async function remove(entity: typeof User | typeof Post, id: number): Promise<void> {
    const em = test.orm.em.fork();
    await em.remove(await em.findOneOrFail<User | Post>(entity, id)).flush();
  }

  it('a deleted object’s snapshot can be saved again under the same id', async () => {
    const { id } = await made(em => em.create(User, { name: 'Ann', email: 'ann@example.org' }));
    await remove(User, id);
    const snapshot = await deletedSnapshot(User, id);
    expect(snapshot.entity).toBeInstanceOf(User);
    const em = test.orm.em.fork();
    await RevisionContext.run({ actor: null, revisionDescription: 'brought back' }, () =>
      em.persist(snapshot.entity).flush(),
    );
    expect(await test.database.query('select id, name, email from "user"')).toEqual([
      { id, name: 'Ann', email: 'ann@example.org' },
    ]);
    expect((await test.deltas()).at(-1)).toMatchObject({
      action: 'create',
      object: `User:${id}`,
      old: null,
      new: { name: 'Ann', email: 'ann@example.org' },
    });
    expect(em.getUnitOfWork().getById(User, id)).toBe(snapshot.entity);
    snapshot.entity.name = 'Anna';
    await em.flush();
    expect((await test.deltas()).at(-1)).toMatchObject({
      action: 'update',
      old: { name: 'Ann' },
      new: { name: 'Anna' },
    });
  });

  it.each(['a fresh entity manager', 'one that has the related objects loaded', 'one that knows them as references'])(
    'relations are kept and not inserted again, in %s',
    async which => {
      const author = await made(em => em.create(User, { name: 'Ann', email: null }));
      const post = await made(em =>
        em.create(Post, {
          title: 'Hello',
          slug: 's',
          views: 7,
          meta: { a: 1 },
          author: em.getReference(User, author.id),
        }),
      );
      await remove(Post, post.id);
      const snapshot = await deletedSnapshot(Post, post.id);
      const em = test.orm.em.fork();
      if (which.includes('loaded')) await em.findOneOrFail(User, author.id);
      if (which.includes('references')) em.getReference(User, author.id);
      await em.persist(snapshot.entity).flush();
      expect(await test.database.query('select * from post')).toEqual([
        { id: post.id, title: 'Hello', slug: 's', views: 7, meta: { a: 1 }, author_id: author.id },
      ]);
      expect(await test.database.query('select id, name from "user"')).toEqual([{ id: author.id, name: 'Ann' }]);
      expect((await test.deltas()).map(({ action, object }) => [action, object])).toEqual([
        ['delete', `Post:${post.id}`],
        ['create', `Post:${post.id}`],
      ]);
      // what is persisted lives on as any other entity does
      snapshot.entity.title = 'Hello again';
      await em.flush();
      const loaded = await em.findOneOrFail(Post, post.id, { populate: ['author'] });
      expect(loaded).toBe(snapshot.entity);
      expect(loaded.author).toBe(em.getReference(User, author.id));
      expect(loaded.author!.name).toBe('Ann');
      expect((await test.deltas()).at(-1)).toMatchObject({
        action: 'update',
        old: { title: 'Hello' },
        new: { title: 'Hello again' },
      });
    },
  );

  it('children that went with it can be brought back together, in one flush', async () => {
    const post = await made(em => {
      const one = em.create(Post, { title: 'Hello', slug: null, views: 0, meta: null, author: null });
      em.create(Comment, { text: 'first', post: one });
      return one;
    });
    const remover = test.orm.em.fork();
    await remover.remove(await remover.findOneOrFail(Post, post.id, { populate: ['comments'] })).flush();
    const [back, comment] = [await deletedSnapshot(Post, post.id), await deletedSnapshot(Comment, 1)];
    const em = test.orm.em.fork();
    comment.entity.post = back.entity;
    await em.persist([back.entity, comment.entity]).flush();
    expect(await test.database.query('select * from comment')).toEqual([{ id: 1, text: 'first', post_id: post.id }]);
  });

  it('a snapshot persisted under a key of its own is another object', async () => {
    const { id } = await made(em => em.create(User, { name: 'Ann', email: null }));
    await remove(User, id);
    const { entity } = await deletedSnapshot(User, id);
    entity.id = 77;
    await test.orm.em.fork().persist(entity).flush();
    expect(await test.database.query('select id, name from "user"')).toEqual([{ id: 77, name: 'Ann' }]);
    expect((await test.deltas()).at(-1)).toMatchObject({ action: 'create', object: 'User:77' });
  });

  it('links of a snapshot’s collections can be made again', async () => {
    const post = await made(em => {
      const one = em.create(Post, { title: 'Hello', slug: null, views: 0, meta: null, author: null });
      one.tags.add(em.create(Tag, { name: 'news' }));
      return one;
    });
    await remove(Post, post.id);
    const { entity } = await deletedSnapshot(Post, post.id);
    const em = test.orm.em.fork();
    em.persist(entity);
    entity.tags.set([await em.findOneOrFail(Tag, 1)]);
    await em.flush();
    expect(await test.database.query('select * from post_tags')).toEqual([{ post_id: post.id, tag_id: 1 }]);
  });
});

describe('disabling tracking for a while', () => {
  it('by disable() and enable() in a frame', async () => {
    const { id } = await makeEntry();
    const em = test.orm.em.fork();
    const entry = await em.findOneOrFail(Entry, id);
    await RevisionContext.run({ revisionDescription: 'a task' }, async () => {
      RevisionContext.disable();
      expect(RevisionContext.isDisabled).toBe(true);
      entry.amount = 11;
      await em.flush();
      RevisionContext.enable();
      expect(RevisionContext.isDisabled).toBe(false);
      entry.amount = 12;
      await em.flush();
    });
    expect(await test.deltas()).toMatchObject([{ old: { amount: 11 }, new: { amount: 12 } }]);
    expect(await test.revisions()).toMatchObject([{ description: 'a task' }]);
  });

  it('by a block that is disabled, and enabled again behind it', async () => {
    const { id } = await makeEntry();
    const em = test.orm.em.fork();
    const entry = await em.findOneOrFail(Entry, id);
    await RevisionContext.run({ revisionDescription: 'a task' }, async () => {
      await RevisionContext.runDisabled(async () => {
        entry.amount = 11;
        await em.flush();
      });
      entry.amount = 12;
      await em.flush();
    });
    expect(await test.deltas()).toMatchObject([{ old: { amount: 11 }, new: { amount: 12 } }]);
    expect(await test.database.query('select amount from entry')).toEqual([{ amount: 12 }]);
  });
});
