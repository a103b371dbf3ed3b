import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { raw } from '@mikro-orm/core';
import { SnapshotService } from '@revy/mikro-orm';
import { Comment, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

// Every statement is asked of the present first; then everything changes, and as of before it has to say the same.

type Database = {
  post: { id: number; title: string; views: number; author_id: number | null };
  comment: { id: number; text: string; post_id: number };
  post_tags: { post_id: number; tag_id: number };
  user: { id: number; name: string };
};

const SQL: Readonly<Record<string, string | readonly [string, readonly unknown[]]>> = {
  'a name in quotes': 'select "title" from "post" order by "id"',
  'a name in capitals': 'SELECT Title FROM POST ORDER BY ID',
  'a schema': 'select title from public.post order by id',
  'a schema in quotes, with blanks around the dot': 'select p.title from "public" . "post" as p order by p.id',
  'columns named with schema and table':
    'select public.post.title, post.views from public.post order by public.post.id',
  'tables in a text': `select 'from post, tag' as a, 'it''s "post"' as b, sum(views)::int from post`,
  'tables in texts with escapes': `select E'it\\'s from tag' as a, U&'d\\0061t' as b, sum(views)::int from post`,
  'tables in a text of dollars':
    'select $$ from tag; delete $$ as a, $x$ join "post" $$ $x$ as b, sum(views)::int from post',
  'tables in comments': `select title -- from tag; delete from tag
    from /* tag /* nested "post" */ join comment */ post order by id`,
  'a semicolon at the end': 'select sum(views)::int from post ;  ',
  'a parameter that names a table': ['select title from post where title <> ? order by id', ['delete from post']],
  'an alias that is the name of another table': 'select tag.title from post tag order by tag.id',
  'an alias without as, and columns of it': 'select x.t from post x(i, t) order by i',
  'a list of tables': `select p.title, c.text from post p, comment c where c.post_id = p.id order by c.id`,
  'every kind of join': `select p.title, c.text, u.name from post p left join comment c on c.post_id = p.id
    full join "user" u on u.id = p.author_id order by 1, 2, 3`,
  'a natural join of subqueries': `select * from (select id, title from post) a natural join (select post_id as id, text from comment) b
    order by text`,
  'a lateral join': `select p.title, l.text from post p cross join lateral (
    select text from comment where post_id = p.id order by id desc limit 1) l order by p.id`,
  'subqueries in conditions': `select title from post p where exists (select from comment c where c.post_id = p.id)
    and id in (select post_id from post_tags) and views > (select avg(views) - 100 from post) order by id`,
  'a subquery in a column':
    'select title, (select count(*)::int from comment where post_id = post.id) as n from post order by id',
  'a whole row': `select to_jsonb(p) - 'revy_unknown' as row, (p).title from post p order by p.id`,
  'a row by the name of its table': `select to_jsonb(post) - 'revy_unknown' as row from post order by post.id`,
  'a query with a name': 'with x as (select * from post) select title from x order by id',
  'a query with the name of a table': `with post as (select 'mine' as title) select title from post`,
  'a query that hides a table from those behind it': `with tag as (select title from post), y as (select title from tag)
    select * from y order by 1`,
  'queries that read each other': `with recursive n(i) as (select 1 union all select i + 1 from n where i < 3),
    t as materialized (select id, title from post where id in (select i from n)) select title from t order by id`,
  'a recursion through a table': `with recursive chain(id, depth) as (
    select min(id), 1 from post union all select c.id + 1, depth + 1 from chain c join post p on p.id = c.id + 1)
    select * from chain order by depth`,
  'a union': `select title from post union all select text from comment union select name from "user" order by 1`,
  'a query in parentheses':
    '(select title from post order by id limit 1) union all (select text from comment order by id limit 1)',
  'the word table': 'select name from (table tag) t order by id',
  'the word only': 'select title from only post order by id',
  'a group of all': 'select max(title) from post where true group by ()',
  'windows and groups': `select author_id, sum(views)::int as views, rank() over (order by sum(views) desc)::int as rank
    from post group by author_id having count(*) > 0 order by rank, 1`,
  'a json path and a cast': `select (meta -> 'tag' ->> 'post') as tag, title::varchar(3) from post order by id`,
  'distinct, case, between and like': `select distinct case when title like 'T%' then 'post' else title end as t from post
    where views between -1 and 100 order by 1`,
  'values beside a table': `select v.n, p.title from (values (1, 'post'), (2, 'tag')) v(n, t) join post p on p.id = v.n order by v.n`,
  'functions that are called like a table': `select count(*)::int, coalesce(max(title), 'post') from post`,
  'an array of rows': 'select array(select title from post order by id) as titles',
  links:
    'select p.title, t.name from post_tags l join post p on p.id = l.post_id join tag t on t.id = l.tag_id order by 1, 2',
};

/** What the ORM builds. */
const BUILT: Readonly<Record<string, (em: SqlEntityManager) => Promise<unknown>>> = {
  'a builder with a subquery': em => {
    const busy = em
      .createQueryBuilder(Comment, 'c')
      .select('c.post')
      .where({ text: { $ne: 'post' } });
    return em
      .createQueryBuilder(Post, 'p')
      .select(['p.id', 'p.title'])
      .where({ id: { $in: busy.toRaw() } as never })
      .orderBy({ id: 1 })
      .execute('all');
  },
  'a builder with a named query': em => {
    const titled = em.createQueryBuilder(Post, 'p').select(['p.id', 'p.title']);
    return em
      .createQueryBuilder(Post, 'q')
      .with('titled', titled)
      .select(['q.id', raw('(select count(*)::int from titled) as n')])
      .orderBy({ id: 1 })
      .execute('all');
  },
  'a builder with joins, groups and pages': em =>
    em
      .createQueryBuilder(Post, 'p')
      .select(['p.title', raw('count(c.id)::int as comments')])
      .leftJoin('p.comments', 'c')
      .groupBy(['p.id', 'p.title'])
      .orderBy({ 'p.title': 'asc' })
      .limit(2, 0)
      .execute('all'),
  'a builder that streams': async em => {
    const titles: unknown[] = [];
    for await (const row of em
      .createQueryBuilder(Post, 'p')
      .select(['p.title'])
      .orderBy({ id: 1 })
      .stream({ mapResults: false } as never))
      titles.push({ ...row });
    return titles;
  },
  'an entity manager that streams': async em => {
    const titles: unknown[] = [];
    for await (const post of em.stream(Post, { orderBy: { id: 1 }, populate: ['author'] }))
      titles.push([post.title, post.author?.name]);
    return titles;
  },
  'conditions on links and children': async em =>
    (
      await em.find(
        Post,
        { tags: { name: 'a' }, comments: { $some: { text: { $like: '%e%' } } } },
        { orderBy: { id: 1 } },
      )
    ).map(({ title }) => title),
  'a count of links, and a sum': async em => [
    await em.count(Post, { tags: { $size: 1 } as never }).catch(() => 'not'),
    await em.count(Tag, { posts: { views: 1 } }),
  ],
  'Kysely with a named query, a join and a subquery': em => {
    const db = em.getKysely<Database>();
    return db
      .with('popular', q => q.selectFrom('post').select(['id', 'title']).where('views', '>=', 0))
      .selectFrom('popular')
      .innerJoin('comment as c', 'c.post_id', 'popular.id')
      .select(e => [
        'popular.title',
        'c.text',
        e
          .selectFrom('user')
          .select(f => f.fn.countAll<string>().as('n'))
          .as('users'),
      ])
      .orderBy('c.id')
      .execute();
  },
  'Kysely with a schema': em =>
    em.getKysely<Database>().withSchema('public').selectFrom('post').select('post.title').orderBy('post.id').execute(),
  'Kysely that streams': async em => {
    const titles: unknown[] = [];
    for await (const row of em.getKysely<Database>().selectFrom('post').select('title').orderBy('id').stream())
      titles.push(row);
    return titles;
  },
};

let test: TestOrm;
let snapshots: SnapshotService<SqlEntityManager>;
const truth = new Map<string, unknown>();

const asked: Readonly<Record<string, (em: SqlEntityManager) => Promise<unknown>>> = {
  ...Object.fromEntries(
    Object.entries(SQL).map(([name, statement]) => {
      const [sql, parameters] = typeof statement === 'string' ? [statement, []] : statement;
      return [name, (em: SqlEntityManager) => em.execute(sql, [...parameters])];
    }),
  ),
  ...BUILT,
};

beforeAll(async () => {
  test = await createOrm();
  snapshots = new SnapshotService(test.orm.em.fork() as SqlEntityManager);
  const em = test.orm.em.fork();
  const [ann, bob] = ['Ann', 'Bob'].map(name => em.create(User, { name, email: null }));
  const [a, b] = ['a', 'b'].map(name => em.create(Tag, { name }));
  const posts = ['One', 'Two', 'Three'].map((title, views) =>
    em.create(Post, { title, views, slug: null, meta: { tag: { post: title } }, author: views === 2 ? null : ann }),
  );
  posts[0]!.tags.add(a!, b!);
  posts[1]!.tags.add(a!);
  for (const [index, text] of ['first', 'second', 'third'].entries())
    em.create(Comment, { text, post: posts[index % 2]! });
  await em.flush();
  for (const [name, ask] of Object.entries(asked)) truth.set(name, await ask(test.orm.em.fork() as SqlEntityManager));
  posts[0]!.title = 'Changed';
  posts[1]!.views = 77;
  posts[1]!.tags.removeAll();
  posts[2]!.meta = null;
  posts[2]!.author = bob!;
  ann!.name = 'Anna';
  em.remove(a!);
  em.create(Post, { title: 'Four', views: 50, slug: null, meta: null, author: bob! });
  em.create(Comment, { text: 'fourth', post: posts[2]! });
  await em.flush();
  await em.remove(posts[1]!).flush();
});
afterAll(() => test.close());

it('nothing is the same any more', async () => {
  const same: string[] = [];
  for (const [name, ask] of Object.entries(asked)) {
    const now = await ask(test.orm.em.fork() as SqlEntityManager);
    if (JSON.stringify(now) === JSON.stringify(truth.get(name))) same.push(name);
  }
  expect(same).toEqual(['a query with the name of a table']);
});

it.each(Object.keys(asked))('reads the past: %s', async name => {
  // the third time it is prepared, with its values as parameters
  for (const _ of [1, 2, 3]) {
    const past = await snapshots.asOf({ revision: 1 }, asked[name]!);
    expect(JSON.parse(JSON.stringify(past))).toEqual(JSON.parse(JSON.stringify(truth.get(name))));
  }
});
