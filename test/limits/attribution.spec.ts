import { defineEntity, p } from '@mikro-orm/core';
import { RevisionContext, SystemActor } from '@revy/mikro-orm';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Post, Tag } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

const [ann, bob] = [new SystemActor('ann'), new SystemActor('bob')];

let test: TestOrm;
let em: EntityManager;
let post: Post;
beforeAll(async () => {
  test = await createOrm();
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.database.query('truncate post, tag, post_tags restart identity cascade');
  em = test.orm.em.fork();
  post = em.create(Post, { title: 'Hello', slug: null, views: 0, meta: { a: 1, b: 1 } });
  em.create(Tag, { name: 'news' });
  await em.flush();
  await test.forget();
});

const actors = async () => (await test.attributes()).map(({ attribute, actor }) => `${attribute} ${actor}`);

it('removals belong to whoever flushes them, not to whoever called remove()', async () => {
  RevisionContext.run({ actor: ann }, () => void em.remove(post));
  await RevisionContext.run({ actor: bob }, () => em.flush());
  expect(await test.deltas()).toMatchObject([{ action: 'delete', actor: 'system:bob' }]);
});

it('links belong to whoever flushes them, not to whoever called add()', async () => {
  RevisionContext.run({ actor: ann }, () => post.tags.add(em.getReference(Tag, 1)));
  await RevisionContext.run({ actor: bob }, () => em.flush());
  expect(await actors()).toEqual(['tags system:bob']);
});

it('a JSON value mutated through a reference that was kept outside the frame belongs to whoever flushes', async () => {
  const meta = post.meta!;
  RevisionContext.run({ actor: ann }, () => {
    meta['a'] = 2; // no getter is passed here
  });
  await RevisionContext.run({ actor: bob }, () => em.flush());
  expect(await actors()).toEqual(['meta system:bob']);
});

it('a JSON value mutated through the entity belongs to whoever did it', async () => {
  RevisionContext.run({ actor: ann }, () => {
    post.meta!['a'] = 2;
  });
  await RevisionContext.run({ actor: bob }, () => em.flush());
  expect(await actors()).toEqual(['meta system:ann']);
});

it('an attribute is credited as a whole: of two who change one JSON value, both are listed, in order', async () => {
  RevisionContext.run({ actor: ann }, () => (post.meta!['a'] = 2));
  RevisionContext.run({ actor: bob }, () => (post.meta!['b'] = 2));
  await em.flush();
  expect(await test.attributes()).toMatchObject([
    { old: { a: 1, b: 1 }, new: { a: 2, b: 1 }, actor: 'system:ann' },
    { old: { a: 2, b: 1 }, new: { a: 2, b: 2 }, actor: 'system:bob' },
  ]);
});

it('class fields belong to whoever calls persist() or em.create(), not to whoever wrote new', async () => {
  class Draft {
    id!: number;
    title = 'from a class field';
  }
  const Schema = defineEntity({
    class: Draft,
    properties: { id: p.integer().primary().autoincrement(), title: p.string() },
  });
  const drafts = await createOrm([Schema]);
  const fork = drafts.orm.em.fork();
  const draft = RevisionContext.run({ actor: ann }, () => new Draft());
  RevisionContext.run({ actor: bob }, () => void fork.persist(draft));
  await fork.flush();
  expect(await drafts.attributes()).toMatchObject([{ attribute: 'title', actor: 'system:bob' }]);
  await drafts.close();
});

it('what is set outside every frame belongs to whoever flushes', async () => {
  post.title = 'Set by nobody';
  await RevisionContext.run({ actor: bob }, () => em.flush());
  expect(await actors()).toEqual(['title system:bob']);
});

it('enter() in two functions that start in the same tick: the second sees the first one’s frame until its own', async () => {
  const seen: unknown[] = [];
  const enter = async (actor: SystemActor) => {
    seen.push(RevisionContext.get('actor'));
    using _frame = RevisionContext.enter({ actor });
    await Promise.resolve();
  };
  await Promise.all([enter(ann), enter(bob)]);
  expect(seen).toEqual([undefined, ann]);
  expect(RevisionContext.isActive).toBe(false);
});

it('run() in two functions that start in the same tick: neither sees the other', async () => {
  const seen: unknown[] = [];
  const run = async (actor: SystemActor) => {
    seen.push(RevisionContext.get('actor'));
    await RevisionContext.run({ actor }, () => Promise.resolve());
  };
  await Promise.all([run(ann), run(bob)]);
  expect(seen).toEqual([undefined, undefined]);
});
