import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { SnapshotService } from '@revy/mikro-orm';
import { Comment, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

// Which of the two ways a statement takes to the rows of a table: each by itself, by its key, or all of them, by what has
// changed since the point.

let test: TestOrm;
beforeAll(async () => {
  test = await createOrm();
  const em = test.orm.em.fork();
  const [ann, bob] = ['Ann', 'Bob'].map(name => em.create(User, { name, email: `${name}@x` }));
  const tag = em.create(Tag, { name: 'red' });
  for (const [index, author] of [ann!, ann!, bob!].entries()) {
    const post = em.create(Post, { title: `Post ${index}`, views: index, author } as never);
    em.create(Comment, { text: `On ${index}`, post } as never);
    (post as { tags: { add(tag: unknown): void } }).tags.add(tag);
  }
  await em.flush(); // revision 1
  const posts = await em.find(Post, {}, { orderBy: { id: 1 } });
  Object.assign(posts[0]!, { author: bob, title: 'Moved' });
  em.remove((await em.findOne(Comment, { post: posts[1]! }))!);
  em.create(Comment, { text: 'Late', post: posts[2]! } as never);
  await em.flush(); // revision 2
});
afterAll(() => test.close());

type Ask = (em: SqlEntityManager) => Promise<unknown>;

/** What is found as of revision 1, and the tables that were read by what has changed since. */
async function ask(question: Ask): Promise<{ found: unknown; wide: string[] }> {
  let found: unknown;
  const sent = await statementsOf(async () => {
    const snapshots = new SnapshotService(test.orm.em.fork() as SqlEntityManager);
    found = await snapshots.asOf({ revision: 1 }, question);
  });
  const wide = sent.flatMap(sql => [...sql.matchAll(/"revy (\w+) past" as materialized/g)].map(match => match[1]!));
  return { found, wide: [...new Set(wide)].toSorted() };
}

const ids = (entities: readonly { id: number }[]) => entities.map(({ id }) => id).toSorted((a, b) => a - b);

const questions: [title: string, question: Ask, found: unknown, wide: string[]][] = [
  ['one by its key', async em => (await em.findOne(Post, 1))?.title, 'Post 0', []],
  ['some by their keys', async em => ids(await em.find(Post, { id: { $in: [1, 3] } })), [1, 3], []],
  ['a key and a filter', async em => ids(await em.find(Post, { id: [1, 2], title: 'Post 0' })), [1], []],
  ['children of a parent', async em => ids(await em.find(Post, { author: 1 })), [1, 2], ['post']],
  ['children of parents', async em => ids(await em.find(Post, { author: [1, 2] })), [1, 2, 3], ['post']],
  ['a filter', async em => ids(await em.find(Post, { title: 'Post 0' })), [1], ['post']],
  ['a pattern', async em => em.count(Post, { title: { $like: 'Post%' } }), 3, ['post']],
  ['everything', async em => em.count(Comment, {}), 3, ['comment']],
  ['a filter on parents', async em => ids(await em.find(Post, { author: { name: 'Ann' } })), [1, 2], ['post', 'user']],
  [
    'a page of children',
    async em => ids(await em.find(Post, { author: 1 }, { limit: 1, orderBy: { id: 'desc' } })),
    [2],
    ['post'],
  ],
  [
    'a page in the order of keys, joined to parents',
    async em =>
      (await em.find(Post, {}, { limit: 2, orderBy: { id: 1 }, populate: ['author'], strategy: 'joined' })).map(
        ({ author }) => author?.name,
      ),
    ['Ann', 'Ann'],
    [],
  ],
  [
    'a page in another order',
    async em => (await em.find(Post, {}, { limit: 1, orderBy: { title: 'desc' } })).map(({ title }) => title),
    ['Post 2'],
    ['post'],
  ],
  [
    'columns without an alias',
    async em => em.execute(`select id from post where title = 'Post 0'`),
    [{ id: 1 }],
    ['post'],
  ],
  ['a key without an alias', async em => em.execute('select title from post where id = 1'), [{ title: 'Post 0' }], []],
  [
    'rows of columns',
    async em => em.execute('select p.id from post p where (p.id, p.views) in ((1, 0), (2, 0))'),
    [{ id: 1 }],
    [],
  ],
  [
    'a key that a subquery tells',
    async em => em.execute('select p.id from post p where p.id in (select c.post_id from comment c) order by p.id'),
    [{ id: 1 }, { id: 2 }, { id: 3 }],
    ['comment'],
  ],
  [
    'a table under two names',
    async em =>
      em.execute('select b.id from post a join post b on b.author_id = a.author_id where a.id = 1 and b.id <> 1'),
    [{ id: 2 }],
    [],
  ],
];

it.each(questions)('%s', async (_, question, found, wide) => {
  expect(await ask(question)).toEqual({ found, wide });
  for (const again of [1, 2]) expect({ again, ...(await ask(question)) }).toEqual({ again, found, wide });
});
