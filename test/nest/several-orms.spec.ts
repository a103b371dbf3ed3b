import { defineEntity, type MikroORM, p } from '@mikro-orm/core';
import { getMikroORMToken, InjectEntityManager, MikroOrmModule } from '@mikro-orm/nestjs';
import { EntityManager, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { Body, Controller, Post as HttpPost, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { HistoryService, SnapshotService } from '@revy/mikro-orm';
import {
  getRevyToken,
  InjectRevy,
  MikroOrmMissingError,
  RevisionActor,
  RevyHealthIndicator,
  RevyModule,
} from '@revy/nestjs';
import { Post, type User, UserSchema } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { type BlogApp, startBlog, UserGuard } from './blog-app.js';
import { by, createUsers } from './tag-writer.js';

class Book {
  id!: number;
  title!: string;
}

const BookSchema = defineEntity({
  class: Book,
  properties: { id: p.integer().primary().autoincrement(), title: p.string() },
});

@Controller()
@UseGuards(UserGuard)
@RevisionActor()
class ShelfController {
  constructor(
    private readonly em: EntityManager,
    private readonly history: HistoryService,
    @InjectEntityManager('books') private readonly books: EntityManager,
    @InjectRevy(HistoryService, 'books') private readonly bookHistory: HistoryService,
    @InjectRevy(SnapshotService, 'books') private readonly bookSnapshots: SnapshotService,
  ) {}

  @HttpPost()
  async add(@Body('title') title: string) {
    const [em, books] = [this.em.fork(), this.books.fork()];
    const post = em.create(Post, { title, views: 0, meta: null });
    const book = books.create(Book, { title });
    await Promise.all([em.flush(), books.flush()]);
    const [ofPost] = await this.history.deltas(Post, post.id);
    const [ofBook] = await this.bookHistory.deltas(Book, book.id);
    const snapshot = await this.bookSnapshots.at(Book, book.id, { version: 1 });
    return { post: ofPost!.actorId, book: ofBook!.actorId, title: snapshot!.entity.title };
  }
}

let blog: TestOrm;
let shelf: TestOrm;
let users: User[];
let running: BlogApp;

const booksOrm = () =>
  MikroOrmModule.forRoot({
    contextName: 'books',
    registerRequestContext: false,
    driver: PostgreSqlDriver,
    clientUrl: shelf.database.url,
    entities: [BookSchema, UserSchema],
  });

beforeAll(async () => {
  blog = await createOrm();
  shelf = await createOrm([BookSchema, UserSchema], { revy: { tablePrefix: 'shelf_' } });
  users = await createUsers(blog, 10);
});

afterAll(async () => {
  await Promise.all([blog.close(), shelf.close()]);
});

describe.each([
  ['forRoot', (options: object) => RevyModule.forRoot({ contextName: 'books', ...options })],
  [
    'forRootAsync',
    (options: object) => RevyModule.forRootAsync({ contextName: 'books', useFactory: async () => options }),
  ],
])('several ORMs, the one with a name by %s', (_, books) => {
  beforeAll(async () => {
    await blog.forget();
    await shelf.database.query('truncate shelf_revision, shelf_object_delta restart identity');
    running = await startBlog({
      url: blog.database.url,
      imports: [await booksOrm()],
      revy: [
        RevyModule.forRoot({ metadata: { from: 'blog' } }),
        books({ metadata: { shelf: true }, revy: { tablePrefix: 'shelf_' } }),
      ],
      controllers: [ShelfController],
    });
  });

  afterAll(() => running.app.close());

  it('have a history each, with services of their own and the actor of the call', async () => {
    const add = (user: User) =>
      running.http.post('/').set('x-user', String(user.id)).send({ title: user.name }).expect(201);
    const answers = await Promise.all(users.map(add));
    expect(answers.map(({ body }) => body)).toEqual(
      users.map(({ id, name }) => ({ post: String(id), book: String(id), title: name })),
    );
    const revisionsIn = (one: TestOrm, prefix: string) =>
      one.database.query(
        `select actor_type || ':' || actor_id as actor, metadata from ${prefix}_revision order by actor_id::int`,
      );
    const expected = users.map(user => ({ actor: by(user), metadata: { from: 'blog', shelf: true } }));
    expect(await revisionsIn(blog, 'revy')).toEqual(expected);
    expect(await revisionsIn(shelf, 'shelf')).toEqual(expected);
    const tables = await shelf.database.query(`select to_regclass('revy_revision') as other`);
    expect(tables).toEqual([{ other: null }]);
  });

  it('have a health each', async () => {
    const indicator = running.app.get<RevyHealthIndicator>(getRevyToken(RevyHealthIndicator, 'books'));
    expect(await indicator.isHealthy('books')).toEqual({ books: { status: 'up' } });
    expect(running.app.get(getRevyToken(RevyHealthIndicator))).toBe(running.app.get(RevyHealthIndicator));
  });
});

describe('an application with an ORM that has a name', () => {
  it('is tracked by that name alone', async () => {
    const orm = await booksOrm();
    class Shelf {}
    const books = RevyModule.forRoot({ contextName: 'books', revy: { tablePrefix: 'shelf_' } });
    const app = await NestFactory.createApplicationContext({ module: Shelf, imports: [orm, books] }, { logger: false });
    const { em } = app.get<MikroORM>(getMikroORMToken('books'));
    const fork = em.fork();
    const book = fork.create(Book, { title: 'alone' });
    await fork.flush();
    const history = app.get<HistoryService>(getRevyToken(HistoryService, 'books'));
    expect(await history.deltas(Book, book.id)).toMatchObject([{ action: 'create', newValues: { title: 'alone' } }]);
    await app.close();
  });

  it('does not start with a name that no ORM has', async () => {
    class Shelf {}
    const imports = [RevyModule.forRoot({ contextName: 'films' })];
    const starting = NestFactory.createApplicationContext(
      { module: Shelf, imports },
      { logger: false, abortOnError: false },
    );
    await expect(starting).rejects.toThrow(new MikroOrmMissingError('films'));
  });
});
