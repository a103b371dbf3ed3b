import { setTimeout as sleep } from 'node:timers/promises';
import { MikroORM } from '@mikro-orm/core';
import { CreateRequestContext, EnsureRequestContext, Transactional } from '@mikro-orm/decorators/legacy';
import { EntityManager } from '@mikro-orm/postgresql';
import { Body, Controller, Injectable, Post as HttpPost, UseGuards } from '@nestjs/common';
import { ActorRef, captureContext, RevisionContext, SystemActor } from '@revy/mikro-orm';
import { RevisionActor, RevisionDescription, RevyModule, WithRevisionContext } from '@revy/nestjs';
import { ClsModule, ClsService, UseCls } from 'nestjs-cls';
import { Post, Tag, type User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { type BlogApp, startBlog, UserGuard } from './blog-app.js';
import { actorNow, by, byName, createUsers, tagged } from './tag-writer.js';

@Injectable()
class TagService {
  constructor(
    readonly orm: MikroORM,
    private readonly em: EntityManager,
    private readonly cls: ClsService<{ name: string }>,
  ) {}

  /** Two flushes, one transaction. */
  @Transactional()
  async transactional(name: string) {
    await this.add(`${name} 1`);
    await this.add(`${name} 2`);
    if (name.endsWith('lost')) throw new Error('rolled back');
    return this.seen();
  }

  @EnsureRequestContext()
  async ensured(name: string) {
    await this.add(name);
    return this.seen();
  }

  @CreateRequestContext()
  async created(name: string) {
    await this.add(name);
    return this.seen();
  }

  @Transactional()
  async nested(name: string) {
    await RevisionContext.run({ actor: new SystemActor(`inner of ${name}`) }, () => this.transactional(name));
    return this.seen();
  }

  /** What no interceptor reaches, with everything that it needs, in this order or the other. */
  @UseCls({ setup: (cls, name: string, _user: number) => cls.set('name', `job ${name}`) })
  @CreateRequestContext()
  @WithRevisionContext({ actor: (_name: string, user: number) => new ActorRef('User', String(user)) })
  async job(name: string, _user: number) {
    await this.add(name);
    return this.seen();
  }

  @WithRevisionContext({ actor: (_name: string, user: number) => new ActorRef('User', String(user)) })
  @CreateRequestContext()
  @UseCls({ setup: (cls, name: string, _user: number) => cls.set('name', `job ${name}`) })
  async otherJob(name: string, _user: number) {
    await this.add(name);
    return this.seen();
  }

  private async add(name: string) {
    await sleep(Math.random() * 5);
    this.em.create(Tag, { name });
    await sleep(Math.random() * 5);
    await this.em.flush();
  }

  private seen() {
    return `${actorNow()} ${this.cls.get('name')}`;
  }
}

const METHODS = ['transactional', 'ensured', 'created'] as const;

@Controller()
@UseGuards(UserGuard)
@RevisionActor()
@RevisionDescription(context => context.getHandler().name)
class TagController {
  constructor(
    private readonly tags: TagService,
    private readonly cls: ClsService<{ name: string }>,
    private readonly em: EntityManager,
  ) {}

  @HttpPost('all')
  async all(@Body('name') name: string) {
    this.cls.set('name', name);
    const seen: string[] = [];
    for (const method of METHODS) seen.push(await this.tags[method](`${method} ${name}`));
    return seen;
  }

  @HttpPost('nested')
  async nested(@Body('name') name: string) {
    this.cls.set('name', name);
    return this.tags.nested(name);
  }

  /** A flush that takes changes along of which one was made as another, with the request's own entity manager. */
  @HttpPost('post')
  async post(@Body('name') name: string, @RevisionActor() actor: User) {
    const post = this.em.create(Post, { title: name, views: 0, meta: null, author: actor });
    RevisionContext.run({ actor: new SystemActor('counter') }, () => {
      post.views = 1;
    });
    await this.em.flush();
    return { captured: captureContext().actor };
  }
}

let blog: TestOrm;
let users: User[];
let running: BlogApp;

beforeAll(async () => {
  blog = await createOrm();
  users = await createUsers(blog, 20);
  running = await startBlog({
    url: blog.database.url,
    imports: [ClsModule.forRoot({ global: true, middleware: { mount: true } })],
    revy: [RevyModule.forRoot({ middleware: true })],
    controllers: [TagController],
    providers: [TagService],
  });
});

beforeEach(() => blog.forget());

afterAll(async () => {
  await running.app.close();
  await blog.close();
});

const post = (path: string, user: User) =>
  running.http.post(path).set('x-user', String(user.id)).send({ name: user.name }).expect(201);

describe('beside nestjs-cls and the context decorators of MikroORM', () => {
  it('G5: a request is credited with what it changes, 20 at once, and both contexts are its own', async () => {
    const answers = await Promise.all(users.map(user => post('/all', user)));
    expect(answers.map(({ body }) => body)).toEqual(users.map(({ name }) => METHODS.map(() => `${name} ${name}`)));
    const names = ({ name }: User) => [
      `transactional ${name} 1`,
      `transactional ${name} 2`,
      `ensured ${name}`,
      `created ${name}`,
    ];
    const expected = users.flatMap(user => names(user).map(name => ({ name, actor: by(user), description: 'all' })));
    expect(await tagged(blog)).toEqual(byName(expected));
    expect(await blog.revisions()).toHaveLength(users.length * 3);
  });

  it('a transaction around another frame belongs to the outer one, and its attributes to the inner one', async () => {
    const answers = await Promise.all(users.map(user => post('/nested', user)));
    expect(answers.map(({ text }) => text)).toEqual(users.map(({ name }) => `${name} ${name}`));
    const actors = (await blog.revisions()).map(({ actor }) => actor);
    expect(actors).toHaveLength(users.length);
    expect(new Set(actors)).toEqual(new Set(users.map(by)));
    const deltas = await blog.deltas();
    expect(new Set(deltas.map(({ actor }) => actor))).toEqual(
      new Set(users.map(({ name }) => `system:inner of ${name}`)),
    );
    expect(deltas).toHaveLength(users.length * 2);
  });

  it('an attribute is credited to whoever set it in the request', async () => {
    const [user] = users as [User];
    const { body } = await post('/post', user);
    expect(body).toEqual({ captured: { type: 'User', id: String(user.id) } });
    const attributes = (await blog.attributes()).map(({ attribute, actor }) => [attribute, actor]);
    expect(attributes).toContainEqual(['title', by(user)]);
    expect(attributes).toContainEqual(['views', 'system:counter']);
  });

  it('G12: what is rolled back leaves nothing', async () => {
    const service = running.app.get(TagService);
    const lost = RevisionContext.run({ actor: users[0]! }, () =>
      service.orm.em.fork().transactional(() => service.transactional('lost')),
    );
    await expect(lost).rejects.toThrow('rolled back');
    expect(await blog.revisions()).toEqual([]);
  });

  it.each(['job', 'otherJob'] as const)('a %s has all three contexts, in whatever order', async job => {
    const service = running.app.get(TagService);
    const seen = await Promise.all(users.map(({ id, name }) => service[job](name, id)));
    expect(seen).toEqual(users.map(user => `${by(user)} job ${user.name}`));
    expect(await tagged(blog)).toEqual(
      byName(users.map(user => ({ name: user.name, actor: by(user), description: null }))),
    );
    expect(RevisionContext.isActive).toBe(false);
  });
});
