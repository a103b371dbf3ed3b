import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type CanActivate, type ExecutionContext, ForbiddenException, Injectable, UseGuards } from '@nestjs/common';
import {
  Args,
  Field,
  GqlExecutionContext,
  GraphQLModule,
  ObjectType,
  Query,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import { EntityManager } from '@mikro-orm/postgresql';
import { RevisionContext } from '@revy/mikro-orm';
import { RevisionActor, RevisionDescription } from '@revy/nestjs';
import { WebSocket } from 'ws';
import { User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { type BlogApp, startBlog, type UserRequest } from './blog-app.js';
import { actorNow, by, byName, createUsers, tagged, TagWriter } from './tag-writer.js';

/** What graphql-ws makes of a connection is the context: `req.connectionParams` are the client's. */
interface SocketContext {
  readonly req: UserRequest & { connectionParams: { user: number } };
}

@Injectable()
class ConnectionGuard implements CanActivate {
  constructor(private readonly em: EntityManager) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { req } = GqlExecutionContext.create(context).getContext<SocketContext>();
    req.user = await this.em.fork().findOneOrFail(User, req.connectionParams.user);
    return true;
  }
}

@ObjectType()
class Label {
  @Field(() => String)
  name!: string;

  @Field(() => String)
  actor!: string;
}

@Resolver(() => Label)
@UseGuards(ConnectionGuard)
@RevisionActor() // request.user
class LabelResolver {
  constructor(private readonly tags: TagWriter) {}

  @Query(() => String)
  ping() {
    return 'pong';
  }

  @Subscription(() => Label, { resolve: (label: Label) => label })
  @RevisionDescription('subscribed')
  async *made(@Args('name', { type: () => String }) name: string) {
    await this.tags.write(`${name} 1`);
    yield { name: `${name} 1`, actor: actorNow() };
    await this.tags.write(`${name} 2`);
    yield { name: `${name} 2`, actor: actorNow() };
  }

  @Subscription(() => Label)
  @RevisionActor(() => {
    throw new ForbiddenException('who are you?');
  })
  async *refused() {
    await this.tags.write('never');
    yield { name: 'never', actor: actorNow() };
  }
}

let blog: TestOrm;
let users: User[];
let running: BlogApp;

beforeAll(async () => {
  blog = await createOrm();
  users = await createUsers(blog, 5);
  running = await startBlog({
    url: blog.database.url,
    imports: [
      GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        autoSchemaFile: true,
        subscriptions: { 'graphql-ws': true },
        context: ({ req, extra, connectionParams }: never) => ({
          req: req ?? { ...(extra as object), connectionParams },
        }),
      }),
    ],
    providers: [LabelResolver, ConnectionGuard, TagWriter],
  });
});

beforeEach(() => blog.forget());

afterAll(async () => {
  await running.app.close();
  await blog.close();
});

/** Everything that one subscription delivers, spoken as `graphql-transport-ws`. */
function subscribe(query: string, user: User): Promise<unknown[]> {
  const socket = new WebSocket(running.url.replace('http', 'ws') + '/graphql', 'graphql-transport-ws');
  const say = (message: object) => socket.send(JSON.stringify(message));
  const delivered: unknown[] = [];
  return new Promise((resolve, reject) => {
    socket.on('open', () => say({ type: 'connection_init', payload: { user: user.id } }));
    socket.on('error', reject);
    socket.on('message', data => {
      const { type, payload } = JSON.parse((data as Buffer).toString()) as { type: string; payload?: unknown };
      if (type === 'connection_ack') say({ id: '1', type: 'subscribe', payload: { query } });
      if (type === 'next') delivered.push(payload);
      if (type === 'error') delivered.push(payload);
      if (type === 'complete' || type === 'error') {
        socket.close();
        resolve(delivered);
      }
    });
  });
}

it('G5: a GraphQL subscription is a frame until its last event, 5 clients at once', async () => {
  const ask = (user: User) => subscribe(`subscription { made(name: "${user.name}") { name actor } }`, user);
  const answers = await Promise.all(users.map(ask));
  const event = (n: number, { name }: User) => ({ data: { made: { name: `${name} ${n}`, actor: name } } });
  expect(answers).toEqual(users.map(user => [event(1, user), event(2, user)]));
  const expected = users.flatMap(user =>
    [1, 2].map(n => ({ name: `${user.name} ${n}`, actor: by(user), description: 'subscribed' })),
  );
  expect(await tagged(blog)).toEqual(byName(expected));
  expect(RevisionContext.isActive).toBe(false);
});

it('a GraphQL subscription fails with an error where its actor cannot be resolved', async () => {
  const query = 'subscription { refused { name } }';
  expect(await subscribe(query, users[0]!)).toMatchObject([{ errors: [{ message: 'who are you?' }] }]);
  expect(await tagged(blog)).toEqual([]);
});
