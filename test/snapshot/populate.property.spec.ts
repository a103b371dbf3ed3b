import type { Collection } from '@mikro-orm/core';
import fc from 'fast-check';
import { RevisionContext, SnapshotService } from '@revy/mikro-orm';
import { Comment, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { seed } from '../support/property.js';

type Em = TestOrm['orm']['em'];

const PATHS = ['author', 'comments.post', 'tags.posts'] as const;

type Step =
  | { kind: 'post'; author: number; tags: number[] }
  | { kind: 'comment'; post: number; text: string }
  | { kind: 'move'; comment: number; post: number }
  | { kind: 'author'; post: number; author: number | null }
  | { kind: 'rename'; user: number; name: string }
  | { kind: 'tags'; post: number; tags: number[] }
  | { kind: 'posts'; tag: number; posts: number[] }
  | { kind: 'remove'; what: 'post' | 'comment' | 'tag'; index: number };

const index = fc.nat({ max: 5 });
const some = fc.uniqueArray(index, { maxLength: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('post' as const), author: index, tags: some }),
  fc.record({ kind: fc.constant('comment' as const), post: index, text: fc.constantFrom('a', 'b', '') }),
  fc.record({ kind: fc.constant('move' as const), comment: index, post: index }),
  fc.record({ kind: fc.constant('author' as const), post: index, author: fc.option(index) }),
  fc.record({ kind: fc.constant('rename' as const), user: index, name: fc.constantFrom('x', 'y', 'z') }),
  fc.record({ kind: fc.constant('tags' as const), post: index, tags: some }),
  fc.record({ kind: fc.constant('posts' as const), tag: index, posts: some }),
  fc.record({ kind: fc.constant('remove' as const), what: fc.constantFrom('post', 'comment', 'tag'), index }),
) as fc.Arbitrary<Step>;

const pick = <T>(all: readonly T[], n: number): T | undefined => all[n % Math.max(all.length, 1)];
const unique = <T>(all: readonly (T | undefined)[]): T[] => [...new Set(all)].filter(one => one !== undefined);

async function carryOut(em: Em, one: Step): Promise<void> {
  const [users, posts, comments, tags] = [
    await em.find(User, {}, { orderBy: { id: 1 } }),
    await em.find(Post, {}, { orderBy: { id: 1 }, populate: ['tags', 'comments'] }),
    await em.find(Comment, {}, { orderBy: { id: 1 } }),
    await em.find(Tag, {}, { orderBy: { id: 1 }, populate: ['posts'] }),
  ];
  const post = 'post' in one ? pick(posts, one.post) : undefined;
  if (one.kind === 'post') {
    const made = em.create(Post, {
      title: `by ${one.author}`,
      slug: null,
      views: 0,
      meta: null,
      author: pick(users, one.author),
    });
    made.tags.set(unique(one.tags.map(tag => pick(tags, tag))));
  } else if (one.kind === 'comment' && post) em.create(Comment, { text: one.text, post });
  else if (one.kind === 'move' && post) {
    const comment = pick(comments, one.comment);
    // not by taking it out of the collection, which would remove it as an orphan
    if (comment) await em.nativeUpdate(Comment, { id: comment.id }, { post: post.id });
  } else if (one.kind === 'author' && post)
    post.author = (one.author === null ? null : pick(users, one.author)) ?? null;
  else if (one.kind === 'rename') Object.assign(pick(users, one.user)!, { name: one.name });
  else if (one.kind === 'tags' && post) post.tags.set(unique(one.tags.map(tag => pick(tags, tag))));
  else if (one.kind === 'posts') pick(tags, one.tag)?.posts.set(unique(one.posts.map(n => pick(posts, n))));
  else if (one.kind === 'remove') {
    const gone = pick<object>({ post: posts, comment: comments, tag: tags }[one.what], one.index);
    if (gone) em.remove(gone);
  }
  await em.flush();
}

describe(`graphs (FC_SEED=${seed})`, () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm(undefined, { revy: { keyframeEvery: 3 } });
  });
  afterAll(() => test.close());

  /** Collections are in no order, unless one is declared. */
  const plain = (posts: readonly Post[]) =>
    posts.map(({ id, title, author, comments, tags }) => ({
      id,
      title,
      author: author && { id: author.id, name: author.name },
      comments: inOrder(comments).map(comment => ({ id: comment.id, text: comment.text, post: comment.post.title })),
      tags: inOrder(tags).map(tag => ({
        id: tag.id,
        name: tag.name,
        posts: inOrder(tag.posts).map(post => post.title),
      })),
    }));
  const inOrder = <T extends { id: number }>(collection: Collection<T>) =>
    collection.getItems().toSorted((one, other) => one.id - other.id);

  /** The whole graph, as MikroORM reads it now. */
  const live = async () => plain(await test.orm.em.fork().find(Post, {}, { populate: PATHS, orderBy: { id: 1 } }));

  it.each([
    ['with all of their history', 0],
    ['older than their history', 8],
  ])(
    'J1, J2, J3, J7: objects %s are populated at each point as they were then',
    async (_title, unrecorded) => {
      const steps = fc.array(step, { minLength: unrecorded + 1, maxLength: unrecorded + 14 });
      await fc.assert(
        fc.asyncProperty(steps, async all => {
          await test.database.query('truncate "user", tag, post, comment, post_tags restart identity cascade');
          await test.forget();
          const seeder = test.orm.em.fork();
          for (const name of ['Ann', 'Bob', 'Cid']) seeder.create(User, { name, email: null });
          for (const name of ['t1', 't2']) seeder.create(Tag, { name });
          if (unrecorded === 0) await seeder.flush();
          else {
            await RevisionContext.runDisabled(async () => {
              await seeder.flush();
              for (const one of all.slice(0, unrecorded)) await carryOut(test.orm.em.fork(), one);
            });
          }
          const expected: { revision: number; at: Date; graph: unknown[] }[] = [];
          for (const one of all.slice(unrecorded)) {
            await carryOut(test.orm.em.fork(), one);
            const [last] = await test.database.query<{ id: number; at: Date }>(
              'select id::int, recorded_at as at, pg_sleep(0.002) from revy_revision order by id desc limit 1',
            );
            if (last?.id === expected.at(-1)?.revision) expected.pop();
            if (last) expected.push({ revision: last.id, at: last.at, graph: await live() });
          }
          const ids = Array.from({ length: 40 }, (_, n) => n + 1);
          const snapshots = new SnapshotService(test.orm.em.fork());
          for (const { revision, at, graph } of expected) {
            for (const point of [{ revision }, at]) {
              const found = await snapshots.many(Post, ids, point, { populate: PATHS });
              expect({ point, graph: plain(found.map(({ entity }) => entity)) }).toEqual({ point, graph });
              expect(found.flatMap(({ unknown }) => unknown)).toEqual([]);
            }
          }
        }),
        { seed, numRuns: Number(process.env.FC_RUNS ?? 12), endOnFailure: false, interruptAfterTimeLimit: 30_000 },
      );
    },
    90_000,
  );
});
