import type { DynamicModule } from '@nestjs/common';
import { RevisionContext } from '@revy/mikro-orm';
import { RevyModule } from '@revy/nestjs';
import type { User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';
import { type BlogApp, type Platform, startBlog } from './blog-app.js';
import {
  AgentOfRequest,
  CurrentUser,
  LateController,
  ReadingController,
  RecordingFilter,
  ResolvedController,
  Unprovided,
  WritingGuard,
} from './late-controllers.js';
import { by, byName, createUsers, tagged, TagWriter } from './tag-writer.js';

const SETTINGS = {
  controllers: [LateController, ResolvedController],
  providers: [TagWriter, RecordingFilter, WritingGuard, CurrentUser, AgentOfRequest],
};

let blog: TestOrm;
let users: User[];

beforeAll(async () => {
  blog = await createOrm();
  users = await createUsers(blog, 20);
});

beforeEach(async () => {
  await blog.forget();
  Unprovided.made = 0;
});

afterAll(() => blog.close());

describe.each<Platform>(['express', 'fastify'])('with the option "middleware", a request on %s', platform => {
  let running: BlogApp;

  beforeAll(async () => {
    const revy = [RevyModule.forRoot({ middleware: true }), RevyModule.forRoot({ middleware: true })];
    running = await startBlog({ ...SETTINGS, url: blog.database.url, platform, revy });
  });

  afterAll(() => running.app.close());

  it('G5: is known in its exception filters, each in its own', async () => {
    const answers = await Promise.all(
      users.map(user =>
        running.http.post('/late/refused').set('x-user', String(user.id)).send({ reason: user.name }).expect(400),
      ),
    );
    expect(answers.map(({ body }) => body.actor)).toEqual(users.map(user => user.name));
    const expected = users.map(user => ({ name: `refused: ${user.name}`, actor: by(user), description: 'refused' }));
    expect(await tagged(blog)).toEqual(byName(expected));
    expect(RevisionContext.isActive).toBe(false);
  });

  it('is known in each chunk of the body that it streams', async () => {
    const answers = await Promise.all(
      users.map(user => running.http.get(`/late/stream/${user.name}`).set('x-user', String(user.id)).expect(200)),
    );
    expect(answers.map(({ body }) => String(body))).toEqual(users.map(({ name }) => `${name} ${name} `));
    const expected = users.flatMap(user =>
      [1, 2].map(part => ({ name: `chunk ${part} of ${user.name}`, actor: by(user), description: 'stream' })),
    );
    expect(await tagged(blog)).toEqual(byName(expected));
  });

  it('is the system’s in its guards, which can say who it is', async () => {
    const guarded = (user: User, say: object) =>
      running.http
        .post('/late/guarded')
        .set({ 'x-user': String(user.id), ...say })
        .expect(201);
    await Promise.all(users.map((user, i) => guarded(user, i % 2 ? { 'x-say': '1' } : {})));
    const expected = users.map((user, i) => ({
      name: `guard of ${user.name}`,
      actor: i % 2 ? by(user) : null,
      description: null,
    }));
    expect(await tagged(blog)).toEqual(byName(expected));
  });

  it('is left out of history to its last chunk, where it is marked so', async () => {
    await running.http.get('/late/unrecorded/all').set('x-user', String(users[0]!.id)).expect(200);
    expect(await tagged(blog)).toEqual([]);
    expect(await blog.database.query(`select name from tag where name like '%of all' order by 1`)).toHaveLength(2);
    await blog.database.query(`delete from tag`);
  });
});

describe.each<Platform>(['express', 'fastify'])('without it, a request on %s', platform => {
  let running: BlogApp;

  beforeAll(async () => {
    const revy = [RevyModule.forRoot({ metadata: Unprovided })];
    running = await startBlog({ ...SETTINGS, url: blog.database.url, platform, revy });
  });

  afterAll(() => running.app.close());

  it('is unknown in its exception filters and its streamed body, which are recorded as the system’s', async () => {
    const user = String(users[0]!.id);
    const { body } = await running.http.post('/late/refused').set('x-user', user).send({ reason: 'why' }).expect(400);
    expect(body).toEqual({ actor: 'nobody' });
    await running.http.get('/late/stream/all').set('x-user', user).expect(200);
    expect(await tagged(blog)).toEqual([
      { name: 'chunk 1 of all', actor: null, description: null },
      { name: 'chunk 2 of all', actor: null, description: null },
      { name: 'refused: why', actor: null, description: null },
    ]);
  });

  it('is known in its pipes', async () => {
    const [user] = users as [User];
    await running.http.post(`/late/own/${user.name}`).set('x-user', String(user.id)).expect(201);
    expect(await tagged(blog)).toEqual([{ name: `own ${user.name}`, actor: by(user), description: 'own' }]);
    await running.http.post('/late/own/somebody').set('x-user', String(user.id)).expect(403);
  });

  it('is asked of classes of the container, of any scope, and of one that no module provides', async () => {
    const answers = await Promise.all(
      users.map(user =>
        running.http
          .post(`/resolved/${user.name}`)
          .set({ 'x-user': String(user.id), 'x-agent': user.name })
          .expect(201),
      ),
    );
    expect(answers.map(({ body }) => body.actor)).toEqual(users.map(user => user.name));
    const expected = users.map(user => ({ name: user.name, actor: by(user), description: `with ${user.name}` }));
    expect(await tagged(blog)).toEqual(byName(expected));
    const made = (await blog.revisions()).map(({ metadata }) => metadata);
    expect(made).toEqual(users.map(() => ({ made: 1, hasEm: true })));
  });

  it('fails as a request where such a class fails', async () => {
    const forbidden = await running.http.post('/resolved/x').set('x-user', 'forbidden').timeout(3000);
    expect([forbidden.status, forbidden.body.message]).toEqual([403, 'not you']);
    const unknown = await running.http.post('/resolved/x').set('x-user', '-1').timeout(3000);
    expect(unknown.status).toBe(500);
    expect(await blog.database.query(`select * from tag where name = 'x'`)).toEqual([]);
  });
});

it('G12: a request that only reads records nothing, and sends what it would send without Revy', async () => {
  const statementsWith = async (revy: DynamicModule[]) => {
    const running = await startBlog({ controllers: [ReadingController], url: blog.database.url, revy });
    try {
      const read = () => running.http.get('/reading').set('x-user', String(users[0]!.id)).expect(200, []);
      await read();
      return await statementsOf(read);
    } finally {
      await running.app.close();
    }
  };
  const sent = await statementsWith([RevyModule.forRoot({ middleware: true, metadata: { app: 'blog' } })]);
  expect(sent).toHaveLength(2);
  expect(sent).toEqual(await statementsWith([]));
  expect(await blog.revisions()).toEqual([]);
});

describe('with a required actor and description, a request', () => {
  let running: BlogApp;

  beforeAll(async () => {
    const revy = [RevyModule.forRoot({ revy: { require: ['actor', 'description'] } })];
    running = await startBlog({ ...SETTINGS, url: blog.database.url, revy });
  });

  afterAll(() => running.app.close());

  it('G9: fails before anything is written where it says neither, and is recorded where it says both', async () => {
    const own = (user: User, headers: object) =>
      running.http.post(`/resolved/required-${user.id}`).set({ 'x-agent': user.name, ...headers });
    await own(users[0]!, {}).expect(500);
    expect(await blog.database.query(`select * from tag where name like 'required%'`)).toEqual([]);
    await own(users[0]!, { 'x-user': String(users[0]!.id) }).expect(201);
    expect(await tagged(blog)).toEqual([
      { name: `required-${users[0]!.id}`, actor: by(users[0]!), description: 'with user-0' },
    ]);
  });

  it('G9: is asked for nothing where it only reads', async () => {
    const reading = await startBlog({
      controllers: [ReadingController],
      url: blog.database.url,
      revy: [RevyModule.forRoot({ revy: { require: ['actor'] } })],
    });
    const { status, body } = await reading.http.get('/reading');
    await reading.app.close();
    expect({ status, body }).toEqual({ status: 200, body: [] });
  });
});
