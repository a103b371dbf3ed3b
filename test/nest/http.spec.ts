import { setTimeout as sleep } from 'node:timers/promises';
import { type ExecutionContext } from '@nestjs/common';
import { RevisionContext, SystemActor } from '@revy/mikro-orm';
import { type RevyModuleOptions, RevyModule } from '@revy/nestjs';
import { Post, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import {
  asked,
  BareController,
  held,
  OffController,
  PostsController,
  PostService,
  PrecedenceController,
  QUOTED,
  RequestScopedService,
  stopped,
} from './http-controllers.js';
import { type BlogApp, type Platform, requestOf, startBlog } from './blog-app.js';

const OPTIONS: RevyModuleOptions = {
  actor: (context: ExecutionContext) =>
    requestOf(context).headers['x-module'] === undefined ? undefined : new SystemActor('module'),
  description: context => `${context.getClass().name}.${context.getHandler().name}`,
  metadata: { place: 'module', application: 'blog' },
};

const SETTINGS = {
  controllers: [PostsController, PrecedenceController, BareController, OffController],
  providers: [PostService, RequestScopedService],
};

let blog: TestOrm;
let users: User[];

beforeAll(async () => {
  blog = await createOrm();
  const em = blog.orm.em.fork();
  users = Array.from({ length: 50 }, (_, i) => em.create(User, { name: `user ${i}` }));
  await em.flush();
});

beforeEach(() => blog.forget());

afterAll(() => blog.close());

describe.each<Platform>(['express', 'fastify'])('a request on %s', platform => {
  let running: BlogApp;
  const alice = () => String(users[0]!.id);

  beforeAll(async () => {
    running = await startBlog({ ...SETTINGS, url: blog.database.url, platform, revy: [RevyModule.forRoot(OPTIONS)] });
  });

  afterAll(() => running.app.close());

  it('credits its changes to the user that a guard found', async () => {
    await running.http.post('/posts').set('x-user', alice()).send({ title: 'Hello' }).expect(201);
    expect(await blog.revisions()).toEqual([
      {
        id: 1,
        actor: `User:${alice()}`,
        description: 'PostsController.create',
        metadata: { place: 'class', version: 1, application: 'blog' },
      },
    ]);
    expect(await blog.deltas()).toMatchObject([
      { action: 'create', actor: `User:${alice()}`, new: { title: 'Hello' } },
    ]);
  });

  it('credits them to the system where nobody names an actor', async () => {
    const { body } = await running.http.post('/bare').expect(201);
    expect(body).toEqual({ actor: null });
    expect(await blog.revisions()).toMatchObject([{ actor: null, description: 'BareController.create' }]);
  });

  it('stores descriptions and metadata as they are, quotes and all', async () => {
    await running.http.post('/posts/described').set('x-agent', `O'Hara "x"`).expect(201);
    expect(await blog.revisions()).toMatchObject([
      {
        description: QUOTED,
        metadata: { place: 'handler', agent: `O'Hara "x"`, version: 1, application: 'blog' },
      },
    ]);
  });

  it.each([
    ['handler', { 'x-handler': 'h', 'x-class': '1', 'x-module': '1' }, 'h', ['handler']],
    ['handler', { 'x-handler': 'null', 'x-class': '1' }, null, ['handler']],
    ['handler', { 'x-class': '1', 'x-module': '1' }, 'class', ['handler', 'class']],
    ['handler', { 'x-module': '1' }, 'module', ['handler', 'class']],
    ['handler', {}, null, ['handler', 'class']],
    ['class', { 'x-class': '1', 'x-module': '1' }, 'class', ['class']],
    ['class', { 'x-module': '1' }, 'module', ['class']],
  ])('asks handler, class and module in this order: %s with %j is made by %s', async (path, headers, actor, who) => {
    asked.length = 0;
    const { body } = await running.http.get(`/precedence/${path}`).set(headers).expect(200);
    expect({ ...body, asked }).toEqual({ actor, asked: who });
  });

  it('fails as a request, and without a hang, where its actor cannot be resolved', async () => {
    asked.length = 0;
    const thrown = await running.http.get('/precedence/throws').timeout(3000);
    const rejected = await running.http.get('/precedence/rejects').timeout(3000);
    expect([thrown.status, rejected.status, rejected.body.message]).toEqual([500, 403, 'who are you?']);
    expect(asked).toEqual([]);
  });

  it('shows the actor to parameters, to the handler and to request-scoped providers', async () => {
    const { body } = await running.http.get('/posts/who').set('x-user', alice()).expect(200);
    expect(body).toEqual({ parameter: 'user 0', context: 'user 0', scoped: 'user 0' });
    const nobody = await running.http.get('/posts/who').expect(200);
    expect(nobody.body).toEqual({ parameter: null, context: 'nobody', scoped: 'nobody' });
  });

  it('leaves what @WithoutRevision() marks out of history, handler or class', async () => {
    const { body } = await running.http.post('/posts/unrecorded').set('x-user', alice()).expect(201);
    expect(body).toMatchObject({ isDisabled: true });
    await running.http.post('/off').expect(201);
    expect(await blog.deltas()).toMatchObject([{ new: { title: 'recorded after all' }, actor: `User:${alice()}` }]);
    const titles = await blog.database.query(`select title from post where id = ${body.id} or title = 'off'`);
    expect(titles).toContainEqual({ title: 'unrecorded' });
    expect(titles).toContainEqual({ title: 'off' });
  });

  it('keeps its frame in an Observable', async () => {
    const { text } = await running.http.post('/posts/observable').set('x-user', alice()).expect(201);
    expect(text).toBe('user 0');
    expect(await blog.deltas()).toMatchObject([{ actor: `User:${alice()}`, new: { title: 'from an Observable' } }]);
  });

  it('keeps its frame in each server-sent event', async () => {
    const { text } = await running.http.get('/posts/events').set('x-user', alice()).expect(200);
    expect(text).toContain('data: event 0 by user 0');
    expect(text).toContain('data: event 1 by user 0');
    expect(await blog.revisions()).toMatchObject([{ actor: `User:${alice()}` }, { actor: `User:${alice()}` }]);
  });

  it('ends an event stream, and its frame, with the connection of its client', async () => {
    stopped.length = 0;
    const connection = new AbortController();
    const response = await fetch(`${running.url}/posts/endless`, {
      headers: { 'x-user': alice() },
      signal: connection.signal,
    });
    const events = response.body!.pipeThrough(new TextDecoderStream());
    for await (const text of events.values({ preventCancel: true })) {
      if (text.includes('data: user 0')) break;
    }
    connection.abort();
    for (let tries = 0; tries < 100 && stopped.length === 0; tries += 1) await sleep(10);
    expect(stopped).toHaveLength(1);
  });

  it('is refused by a pipe as ever', async () => {
    const { body } = await running.http.post('/posts/refused/x').set('x-user', alice()).expect(400);
    expect(body.message).toBe('Validation failed (numeric string is expected)');
    await running.http.post('/posts/refused/7').expect(201, { id: 7 });
  });

  it('G12: leaves no revision where the handler fails and rolls back', async () => {
    await running.http.post('/posts/fails').set('x-user', alice()).expect(403);
    expect(await blog.revisions()).toEqual([]);
    expect(await blog.database.query(`select id from post where title = 'lost'`)).toEqual([]);
  });

  it('is credited with what it changed in place, whoever flushes', async () => {
    const em = blog.orm.em.fork();
    const post = em.create(Post, { title: 'with JSON', views: 0, meta: { by: 'nobody' } });
    await em.flush();
    await blog.forget();
    await running.http.post(`/posts/json/${post.id}`).set('x-user', alice()).expect(201);
    expect(await blog.attributes()).toEqual([
      expect.objectContaining({ attribute: 'meta', new: { by: 'the request' }, actor: `User:${alice()}` }),
    ]);
  });

  it('is not credited with what is changed in place once it is over', async () => {
    const em = blog.orm.em.fork();
    const post = em.create(Post, { title: 'held', views: 0, meta: {} });
    await em.flush();
    await blog.forget();
    await running.http.post(`/posts/hold/${post.id}`).set('x-user', alice()).expect(201);
    held.meta!['later'] = true;
    await RevisionContext.run({ actor: new SystemActor('later') }, () => held.em!.flush());
    expect(await blog.attributes()).toMatchObject([
      { old: {}, new: { by: 'the request' }, actor: `User:${alice()}` },
      { old: { by: 'the request' }, new: { by: 'the request', later: true }, actor: 'system:later' },
    ]);
  });

  it('G5: never sees the actor of another one, 50 in parallel, and leaves nothing behind', async () => {
    const em = blog.orm.em.fork();
    const posts = users.map(user => em.create(Post, { title: user.name, views: 0, meta: null }));
    await em.flush();
    await blog.forget();
    const answers = await Promise.all(
      users.map((user, i) =>
        running.http
          .patch(`/posts/${posts[i]!.id}/slowly`)
          .set('x-user', String(user.id))
          .send({ title: `by ${user.name}`, slug: `slug-${i}` }),
      ),
    );
    expect(answers.map(({ body }) => body.actor)).toEqual(users.map(user => user.name));
    const attributes = await blog.attributes();
    expect(byObject(attributes)).toEqual(byObject(posts.flatMap((post, i) => expectedOf(post, users[i]!, i))));
    const actors = (await blog.revisions()).map(({ actor }) => actor);
    expect(new Set(actors)).toEqual(new Set(users.map(user => `User:${user.id}`)));
    expect(actors).toHaveLength(users.length);
    expect(RevisionContext.isActive).toBe(false);
  });
});

function expectedOf(post: Post, user: User, i: number) {
  const common = { object: `Post:${post.id}`, action: 'set', description: null };
  return [
    { ...common, attribute: 'slug', old: null, new: `slug-${i}`, actor: `system:sluggifier of by ${user.name}` },
    { ...common, attribute: 'title', old: user.name, new: `by ${user.name}`, actor: `User:${user.id}` },
  ];
}

function byObject<Row extends { object: string; attribute: string }>(rows: readonly Row[]): Row[] {
  return rows.toSorted((a, b) => `${a.object} ${a.attribute}`.localeCompare(`${b.object} ${b.attribute}`));
}
