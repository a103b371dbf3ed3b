import type { IncomingMessage } from 'node:http';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { WsAdapter } from '@nestjs/platform-ws';
import { EntityManager } from '@mikro-orm/postgresql';
import { RevisionContext } from '@revy/mikro-orm';
import { RevisionActor, RevisionDescription, WithRevisionContext } from '@revy/nestjs';
import { concatMap, defer, from, map, type Observable, range } from 'rxjs';
import { WebSocket } from 'ws';
import { User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { type BlogApp, startBlog } from './blog-app.js';
import { actorNow, by, byName, createUsers, tagged, TagWriter, until } from './tag-writer.js';

interface Client extends WebSocket {
  user?: User;
}

@WebSocketGateway()
@RevisionActor() // client.user
@RevisionDescription(context => `${context.getType()} ${context.getHandler().name}`)
class TagGateway {
  constructor(
    private readonly tags: TagWriter,
    private readonly em: EntityManager,
  ) {}

  @WithRevisionContext({
    async actor(this: TagGateway, client: Client, request: IncomingMessage) {
      client.user = await this.em.fork().findOneOrFail(User, Number(request.headers['x-user']));
      return client.user;
    },
  })
  async handleConnection(client: Client, _request: IncomingMessage) {
    await this.tags.write(`connected ${client.user!.name}`);
    client.send(JSON.stringify({ event: 'ready', data: actorNow() }));
  }

  @WithRevisionContext({ actor: (client: Client) => client.user })
  async handleDisconnect(client: Client) {
    await this.tags.write(`disconnected ${client.user!.name}`);
  }

  @SubscribeMessage('tag')
  async tag(@ConnectedSocket() _client: Client, @MessageBody() name: string, @RevisionActor() actor: User) {
    await this.tags.write(name);
    return { event: 'tagged', data: `${actor.name} ${actorNow()}` };
  }

  @SubscribeMessage('stream')
  stream(@MessageBody() name: string): Observable<object> {
    return range(1, 2).pipe(
      concatMap(n => defer(() => from(this.tags.write(`${name} ${n}`)).pipe(map(actorNow)))),
      map(data => ({ event: 'streamed', data })),
    );
  }

  @SubscribeMessage('refused')
  @RevisionActor(() => {
    throw new WsException('who are you?');
  })
  refused() {
    return { event: 'refused', data: 'never' };
  }
}

/** A client of one user, with everything that was said to it. */
class Connection {
  readonly said: { event: string; data: unknown }[] = [];

  private constructor(readonly socket: WebSocket) {
    socket.on('message', text =>
      this.said.push(JSON.parse((text as Buffer).toString()) as { event: string; data: unknown }),
    );
  }

  static async open(url: string, user: User): Promise<Connection> {
    const socket = new WebSocket(url.replace('http', 'ws'), { headers: { 'x-user': String(user.id) } });
    const connection = new Connection(socket);
    await connection.answers('ready', 1);
    return connection;
  }

  async ask(event: string, data: string, { answer, count = 1 }: { answer: string; count?: number }) {
    this.socket.send(JSON.stringify({ event, data }));
    return this.answers(answer, count);
  }

  async answers(event: string, count: number): Promise<unknown[]> {
    const found = () => this.said.filter(message => message.event === event);
    await until(() => found().length >= count);
    return found().map(({ data }) => data);
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
    providers: [TagGateway, TagWriter],
    before: app => app.useWebSocketAdapter(new WsAdapter(app)),
  });
});

beforeEach(() => blog.forget());

afterAll(async () => {
  await running.app.close();
  await blog.close();
});

describe('a WebSocket', () => {
  it('G5: is credited to its own client, from its connection to its end, 20 at once', async () => {
    const connections = await Promise.all(users.map(user => Connection.open(running.url, user)));
    expect(connections.map(({ said }) => said[0]!.data)).toEqual(users.map(({ name }) => name));
    const answers = await Promise.all(
      connections.map((connection, i) => connection.ask('tag', users[i]!.name, { answer: 'tagged' })),
    );
    expect(answers).toEqual(users.map(({ name }) => [`${name} ${name}`]));
    const streamed = await Promise.all(
      connections.map((connection, i) =>
        connection.ask('stream', `streamed ${users[i]!.name}`, { answer: 'streamed', count: 2 }),
      ),
    );
    expect(streamed).toEqual(users.map(({ name }) => [name, name]));
    for (const { socket } of connections) socket.close();
    await until(async () => (await tagged(blog)).length === users.length * 5);
    expect(await tagged(blog)).toEqual(byName(users.flatMap(expectedOf)));
    expect(RevisionContext.isActive).toBe(false);
  });

  it('answers with the exception where its actor cannot be resolved', async () => {
    const connection = await Connection.open(running.url, users[0]!);
    const [answer] = await connection.ask('refused', 'x', { answer: 'exception' });
    expect(answer).toMatchObject({ status: 'error', message: 'who are you?' });
    connection.socket.close();
    await until(async () => (await tagged(blog)).length === 2);
  });
});

function expectedOf(user: User) {
  const { name } = user;
  const description = { tag: 'ws tag', stream: 'ws stream' };
  return [
    { name: `connected ${name}`, actor: by(user), description: 'method handleConnection' },
    { name, actor: by(user), description: description.tag },
    { name: `streamed ${name} 1`, actor: by(user), description: description.stream },
    { name: `streamed ${name} 2`, actor: by(user), description: description.stream },
    { name: `disconnected ${name}`, actor: by(user), description: 'method handleDisconnect' },
  ];
}
