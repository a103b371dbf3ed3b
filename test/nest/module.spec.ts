import { MikroORM } from '@mikro-orm/core';
import { EntityManager, type PostgreSqlDriver } from '@mikro-orm/postgresql';
import { Scope } from '@nestjs/common';
import { HistoryService, revy, RevisionContext, SystemActor } from '@revy/mikro-orm';
import { RevyModule } from '@revy/nestjs';
import { Post } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { type BlogApp, startBlog } from './blog-app.js';
import { draft, named, PostsController, Seeder } from './module-controllers.js';

const MIDDLEWARE = {
  actor: new SystemActor('middleware'),
  revisionDescription: 'from outside',
  metadata: { request: 7 },
};

let blog: TestOrm;
let running: BlogApp[] = [];

async function start(options: Partial<Parameters<typeof startBlog>[0]> = {}): Promise<BlogApp> {
  const app = await startBlog({ url: blog.database.url, controllers: [PostsController], ...options });
  running.push(app);
  return app;
}

beforeAll(async () => {
  blog = await createOrm();
});

beforeEach(() => blog.forget());

afterEach(async () => {
  for (const { app } of running) await app.close();
  running = [];
});

afterAll(() => blog.close());

describe('RevyModule.forRoot()', () => {
  it.each([
    ['lists revy()', { extensions: [revy()] }],
    ['does not list revy()', {}],
  ])('alone tracks an ORM whose configuration %s', async (_, config) => {
    const { app } = await start({ config });
    const em = app.get(EntityManager).fork();
    const post = em.create(Post, draft('one'));
    await em.flush();
    await RevisionContext.run({ actor: new SystemActor('editor') }, async () => {
      post.title = 'two';
      await RevisionContext.run({ actor: new SystemActor('counter') }, async () => {
        post.views = 1;
      });
    });
    await em.fork().transactional(async inner => {
      (await inner.findOneOrFail(Post, post.id)).slug = 'by-the-fork';
    });
    await em.flush();
    await em.remove(post).flush();
    expect(await blog.deltas()).toMatchObject([
      { action: 'create', new: { title: 'one', views: 0 } },
      { action: 'update', old: { slug: null }, new: { slug: 'by-the-fork' } },
      { action: 'update', old: { title: 'one', views: 0 }, new: { title: 'two', views: 1 } },
      { action: 'delete', old: { title: 'two', views: 1, slug: 'by-the-fork' } },
    ]);
    expect((await blog.attributes()).filter(({ actor }) => actor)).toMatchObject([
      { attribute: 'title', new: 'two', actor: 'system:editor' },
      { attribute: 'views', new: 1, actor: 'system:counter' },
    ]);
  });

  it('makes the schema generator ask for the tables, once', async () => {
    const bare = await createOrm(undefined, { revy: false });
    try {
      const { app } = await start({ url: bare.database.url });
      const { schema } = app.get<MikroORM<PostgreSqlDriver>>(MikroORM);
      expect(await schema.getUpdateSchemaSQL()).toMatch(/create table "revy_revision".*create view/s);
      await schema.update();
      expect(await schema.getUpdateSchemaSQL()).toBe('');
      const em = app.get(EntityManager).fork();
      em.create(Post, draft('tracked'));
      await em.flush();
      expect(await bare.deltas()).toMatchObject([{ action: 'create', new: { title: 'tracked' } }]);
    } finally {
      await Promise.all(running.splice(0).map(({ app }) => app.close()));
      await bare.close();
    }
  });

  it('tracks what modules write while they start', async () => {
    await start({ providers: [Seeder] });
    expect(await blog.deltas()).toMatchObject([{ action: 'create', new: { title: 'seeded' }, actor: null }]);
  });

  it('gives every module its services, which see the transaction that they are used in', async () => {
    const { http } = await start();
    const { body } = await http.post('/posts').send({ title: 'a' }).expect(201);
    const read = await http.get(`/posts/${body.id}/history`).expect(200);
    expect(read.body).toEqual({ actions: ['create'], first: 'a' });
    const inside = await http.post('/posts/in-transaction').expect(201);
    expect(inside.body).toEqual({ title: 'first', actions: ['create'] });
  });

  it('works with entity managers of the request scope', async () => {
    const { http } = await start({ config: { scope: Scope.REQUEST, registerRequestContext: false } });
    const { body } = await http.post('/posts').send({ title: 'a' }).expect(201);
    const read = await http.get(`/posts/${body.id}/history`).expect(200);
    expect(read.body).toEqual({ actions: ['create'], first: 'a' });
    const inside = await http.post('/posts/in-transaction').expect(201);
    expect(inside.body).toEqual({ title: 'first', actions: ['create'] });
  });

  it('leaves a call to the frame around it, where nobody names an actor', async () => {
    const { app, http } = await start({ middleware: next => RevisionContext.run(MIDDLEWARE, next) });
    const { body } = await http.post('/posts').send({ title: 'a' }).expect(201);
    expect(body).toMatchObject({ actor: 'middleware' });
    expect(await blog.revisions()).toMatchObject([
      { actor: 'system:middleware', description: 'from outside', metadata: { request: 7 } },
    ]);
    expect(app.get(HistoryService)).toBeInstanceOf(HistoryService);
  });

  it('hands the options of revy() on', async () => {
    const { http } = await start({ revy: [RevyModule.forRoot({ revy: { track: 'marked' } })] });
    await http.post('/posts').send({ title: 'a' }).expect(201);
    expect(await blog.deltas()).toEqual([]);
  });

  it('is what the module without forRoot() is, too', async () => {
    const { http } = await start({ revy: [RevyModule] });
    await http.post('/posts').send({ title: 'a' }).expect(201);
    expect(await blog.deltas()).toMatchObject([{ action: 'create', actor: null }]);
  });
});

describe('two applications in one process', () => {
  it('keep their ORMs, their options and their calls apart', async () => {
    const other = await createOrm(undefined, { revy: { tablePrefix: 'other_' } });
    try {
      const one = await start({ revy: [RevyModule.forRoot(named('one'))] });
      const two = await start({
        url: other.database.url,
        platform: 'fastify',
        revy: [RevyModule.forRoot({ ...named('two'), revy: { tablePrefix: 'other_' } })],
      });
      const calls = Array.from({ length: 10 }, (_, i) =>
        (i % 2 ? two : one).http.post('/posts').send({ title: `${i}` }),
      );
      const answers = await Promise.all(calls);
      expect(answers.map(({ body }) => body.actor)).toEqual(answers.map((__, i) => (i % 2 ? 'two' : 'one')));
      const select = (table: string) => `select actor_id as actor, count(*)::int from ${table} group by actor_id`;
      expect(await blog.database.query(select('revy_revision'))).toEqual([{ actor: 'one', count: 5 }]);
      expect(await other.database.query(select('other_revision'))).toEqual([{ actor: 'two', count: 5 }]);
    } finally {
      await Promise.all(running.splice(0).map(({ app }) => app.close()));
      await other.close();
    }
  });
});
