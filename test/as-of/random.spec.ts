import type { SqlEntityManager } from '@mikro-orm/postgresql';
import fc from 'fast-check';
import { SnapshotService } from '@revy/mikro-orm';
import { Comment, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { seed } from '../support/property.js';
import { type Dump, dumpAsOf, Memory, type Row } from './truth.js';

const TABLES = ['"user"', 'tag', 'post', 'comment', 'post_tags'];
const STRATEGIES = ['select-in', 'joined', 'balanced'] as const;

/** Objects are named by small numbers, so that they meet again. */
const one = fc.integer({ min: 1, max: 4 });
const text = fc.constantFrom('', 'a', `'"\\%`, 'ß');

const action = fc.oneof(
  fc.record({ do: fc.constant('user' as const), id: one, name: text, email: fc.boolean() }),
  fc.record({ do: fc.constant('tag' as const), id: one, name: text }),
  fc.record({ do: fc.constant('post' as const), id: one, title: text, author: fc.option(one), meta: fc.jsonValue() }),
  fc.record({ do: fc.constant('comment' as const), id: one, text, post: one }),
  fc.record({ do: fc.constant('link' as const), id: one, tags: fc.uniqueArray(one, { maxLength: 4 }) }),
  fc.record({ do: fc.constant('remove' as const), of: fc.constantFrom('user', 'tag', 'post', 'comment'), id: one }),
  fc.record({ do: fc.constant('native' as const), id: one, views: fc.integer({ min: -9, max: 9 }) }),
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;
const transaction = fc.record({
  flushes: fc.array(fc.array(action, { maxLength: 3 }), { minLength: 1, maxLength: 2 }),
  rollBack: fc.integer({ max: 5, min: 0 }),
});

const CLASSES = { user: User, tag: Tag, post: Post, comment: Comment };

describe(`as of random histories (FC_SEED=${seed})`, () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm(undefined, { revy: { keyframeEvery: 3 } });
  });
  afterAll(() => test.close());

  async function carryOut(em: SqlEntityManager, step: Action): Promise<void> {
    switch (step.do) {
      case 'user':
        return put(em, User, step.id, { name: step.name, email: step.email ? `${step.id}@x` : null });
      case 'tag':
        return put(em, Tag, step.id, { name: step.name });
      case 'post': {
        const author = step.author === null ? null : await em.findOne(User, step.author);
        const meta = step.meta === null ? null : { value: step.meta };
        return put(em, Post, step.id, { title: step.title, slug: null, views: 0, meta, author });
      }
      case 'comment': {
        const post = await em.findOne(Post, step.post);
        return post ? put(em, Comment, step.id, { text: step.text, post }) : undefined;
      }
      case 'link': {
        const post = await em.findOne(Post, step.id, { populate: ['tags'] });
        post?.tags.set(await em.find(Tag, step.tags));
        return;
      }
      case 'remove': {
        const found = await em.findOne(CLASSES[step.of as keyof typeof CLASSES] as typeof Post, step.id);
        if (found) em.remove(found);
        return;
      }
      case 'native':
        await em.nativeUpdate(Post, step.id, { views: step.views });
    }
  }

  async function put(em: SqlEntityManager, entity: unknown, id: number, values: object): Promise<void> {
    const found = await em.findOne(entity as typeof Post, id);
    if (found) em.assign(found, values as never);
    else em.create(entity as typeof Post, { id, ...values } as never);
  }

  async function run({ flushes, rollBack }: { flushes: Action[][]; rollBack: number }): Promise<void> {
    const em = test.orm.em.fork() as SqlEntityManager;
    await em.begin();
    for (const actions of flushes) {
      for (const step of actions) await carryOut(em, step);
      await em.flush();
    }
    await (rollBack === 0 ? em.rollback() : em.commit());
  }

  /** Rows that no history knows of. */
  async function older(): Promise<void> {
    await test.database.query(`truncate ${TABLES.join(', ')}, revy_revision, revy_object_delta`);
    await test.database.query(`
      insert into "user" values (1, 'Old', null), (2, 'Older', '2@x');
      insert into tag values (1, 'old'), (2, 'older');
      insert into post (id, title, meta, author_id) values (1, 'Old', '{"a": [1]}', 1), (2, 'Older', null, null);
      insert into comment values (1, 'old', 1);
      insert into post_tags (post_id, tag_id) values (1, 1), (1, 2), (2, 2);`);
  }

  it('tables, and graphs by every strategy, equal what was there', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.array(transaction, { minLength: 1, maxLength: 12 }),
        async (hasOlder, steps) => {
          await test.database.query(`truncate ${TABLES.join(', ')}, revy_revision, revy_object_delta`);
          if (hasOlder) await older();
          const memory = new Memory(test, { tables: TABLES });
          await memory.remember();
          for (const step of steps) {
            await run(step);
            await memory.remember();
          }
          const snapshots = new SnapshotService(test.orm.em.fork());
          for (const [index, { contents }] of memory.moments.entries()) {
            for (const [at, point] of memory.pointsAt(index).entries()) {
              const strategy = STRATEGIES[(index + at) % 3]!;
              await snapshots.asOf(point, async em => {
                expect({ point, contents: await dumpAsOf(em, TABLES) }).toEqual({ point, contents });
                expect({ point, strategy, graph: await graphOf(em as SqlEntityManager, strategy) }).toEqual({
                  point,
                  strategy,
                  graph: truthOf(contents),
                });
              });
            }
          }
        },
      ),
      { seed, numRuns: Number(process.env['FC_RUNS'] ?? 15), endOnFailure: false, interruptAfterTimeLimit: 40_000 },
    );
  }, 120_000);
});

async function graphOf(em: SqlEntityManager, strategy: (typeof STRATEGIES)[number]): Promise<unknown[]> {
  const populate = ['author', 'tags', 'comments'] as const;
  const posts = await em.find(Post, {}, { populate, strategy, orderBy: { id: 1 } });
  const byId = <T extends { id: number }>(items: T[]) => items.toSorted((a, b) => a.id - b.id);
  return posts.map(({ id, title, views, meta, author, tags, comments }) => ({
    post: [id, title, views, meta],
    author: author && [author.id, author.name, author.email],
    tags: byId(tags.getItems()).map(tag => [tag.id, tag.name]),
    comments: byId(comments.getItems()).map(comment => [comment.id, comment.text]),
  }));
}

/** The same from the rows. */
function truthOf(contents: Dump): unknown[] {
  const byId = (rows: Row[]) => rows.toSorted((a, b) => Number(a['id']) - Number(b['id']));
  const user = (id: unknown) => contents['"user"']!.find(row => row['id'] === id);
  return byId(contents['post']!).map(post => ({
    post: [post['id'], post['title'], post['views'], post['meta']],
    author: post['author_id'] === null ? null : ['id', 'name', 'email'].map(name => user(post['author_id'])![name]),
    tags: byId(
      contents['post_tags']!.filter(link => link['post_id'] === post['id']).map(link =>
        contents['tag']!.find(tag => tag['id'] === link['tag_id'])!,
      ),
    ).map(tag => [tag['id'], tag['name']]),
    comments: byId(contents['comment']!.filter(comment => comment['post_id'] === post['id'])).map(comment => [
      comment['id'],
      comment['text'],
    ]),
  }));
}
