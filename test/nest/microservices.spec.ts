import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { Controller, type ExecutionContext, ForbiddenException, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  type ClientTCP,
  EventPattern,
  MessagePattern,
  type MicroserviceOptions,
  Payload,
  Transport,
} from '@nestjs/microservices';
import { ActorRef, RevisionContext, SystemActor } from '@revy/mikro-orm';
import { RevisionActor, RevisionDescription, RevyModule, WithRevisionContext } from '@revy/nestjs';
import { concatMap, defer, firstValueFrom, from, map, type Observable, range, toArray } from 'rxjs';
import { BLOG, type User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { startBlog } from './blog-app.js';
import { actorNow, by, byName, createUsers, tagged, TagWriter, until } from './tag-writer.js';

interface Message {
  readonly user: number;
  readonly name: string;
}

const callerOf = ({ user }: Message) => new ActorRef('User', String(user));

const sender = (context: ExecutionContext) => callerOf(context.switchToRpc().getData<Message>());

@Controller()
@RevisionActor(sender)
@RevisionDescription(context => `${context.getType()} ${context.getHandler().name}`)
class TagMessages {
  constructor(private readonly tags: TagWriter) {}

  @MessagePattern('tag')
  async tag(@Payload() { name }: Message, @RevisionActor() actor: ActorRef) {
    await this.tags.write(name);
    return { actor: actorNow(), parameter: `${actor.type}:${actor.id}` };
  }

  @MessagePattern('stream')
  stream(@Payload() { name }: Message): Observable<string> {
    return range(1, 2).pipe(concatMap(n => defer(() => from(this.tags.write(`${name} ${n}`)).pipe(map(actorNow)))));
  }

  @EventPattern('tagged')
  async tagged(@Payload() { name }: Message) {
    await this.tags.write(name);
  }

  @MessagePattern('refused')
  @RevisionActor(() => {
    throw new ForbiddenException('who are you?');
  })
  refused() {
    return 'never';
  }

  @MessagePattern('job')
  @WithRevisionContext({ actor: callerOf, description: 'job' })
  async job({ name }: Message) {
    await this.tags.write(name);
  }
}

let blog: TestOrm;
let users: User[];

beforeAll(async () => {
  blog = await createOrm();
  users = await createUsers(blog, 20);
});

beforeEach(() => blog.forget());

afterAll(() => blog.close());

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}

interface Service {
  readonly client: ClientTCP;
  close(): Promise<void>;
}

function connected(app: INestApplicationContext, port: number): Service {
  const options = { host: '127.0.0.1', port };
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options }) as ClientTCP;
  const close = async () => {
    client.close();
    await app.close();
  };
  return { client, close };
}

async function standalone(): Promise<Service> {
  const port = await freePort();
  const orm = await MikroOrmModule.forRoot({ driver: PostgreSqlDriver, clientUrl: blog.database.url, entities: BLOG });
  class ServiceModule {}
  const module = {
    module: ServiceModule,
    imports: [orm, RevyModule.forRoot()],
    controllers: [TagMessages],
    providers: [TagWriter],
  };
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(module, {
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port },
    logger: false,
  });
  await app.listen();
  return connected(app, port);
}

async function hybrid(inheritAppConfig: boolean): Promise<Service> {
  const port = await freePort();
  const { app } = await startBlog({
    url: blog.database.url,
    controllers: [TagMessages],
    providers: [TagWriter],
    async before(application) {
      const options = { host: '127.0.0.1', port };
      application.connectMicroservice<MicroserviceOptions>({ transport: Transport.TCP, options }, { inheritAppConfig });
      await application.startAllMicroservices();
    },
  });
  return connected(app, port);
}

describe.each([
  ['a microservice', () => standalone()],
  ['a hybrid application that inherits its configuration', () => hybrid(true)],
])('a message to %s', (_, start) => {
  let service: Service;

  beforeAll(async () => {
    service = await start();
  });

  afterAll(() => service.close());

  it('G5: is credited to its own sender, 20 at once', async () => {
    const send = ({ id, name }: User) => firstValueFrom(service.client.send('tag', { user: id, name }));
    const answers = await Promise.all(users.map(send));
    expect(answers).toEqual(users.map(user => ({ actor: by(user), parameter: by(user) })));
    expect(await tagged(blog)).toEqual(
      byName(users.map(user => ({ name: user.name, actor: by(user), description: 'rpc tag' }))),
    );
    expect(RevisionContext.isActive).toBe(false);
  });

  it('keeps its frame in each value of an Observable', async () => {
    const stream = ({ id, name }: User) =>
      firstValueFrom(service.client.send<string>('stream', { user: id, name }).pipe(toArray()));
    const answers = await Promise.all(users.map(stream));
    expect(answers).toEqual(users.map(user => [by(user), by(user)]));
    const expected = users.flatMap(user =>
      [1, 2].map(n => ({ name: `${user.name} ${n}`, actor: by(user), description: 'rpc stream' })),
    );
    expect(await tagged(blog)).toEqual(byName(expected));
  });

  it('is credited where nobody waits for an answer', async () => {
    for (const { id, name } of users) service.client.emit('tagged', { user: id, name });
    await until(async () => (await tagged(blog)).length === users.length);
    expect(await tagged(blog)).toEqual(
      byName(users.map(user => ({ name: user.name, actor: by(user), description: 'rpc tagged' }))),
    );
  });

  it('fails as a message where its actor cannot be resolved', async () => {
    const answer = firstValueFrom(service.client.send('refused', { user: 1, name: 'x' }));
    await expect(answer).rejects.toMatchObject({ status: 'error' });
  });
});

describe('a message to a hybrid application that does not inherit its configuration', () => {
  let service: Service;

  beforeAll(async () => {
    service = await hybrid(false);
  });

  afterAll(() => service.close());

  it('reaches no interceptor, and is recorded as the system’s', async () => {
    const answer = await RevisionContext.run({ actor: new SystemActor('client') }, () =>
      firstValueFrom(service.client.send('stream', { user: users[0]!.id, name: 'x' }).pipe(toArray())),
    );
    expect(answer).toEqual(['nobody', 'nobody']);
    expect(await tagged(blog)).toMatchObject([{ actor: null }, { actor: null }]);
  });

  it('is credited by @WithRevisionContext()', async () => {
    const send = ({ id, name }: User) =>
      firstValueFrom(service.client.send('job', { user: id, name }), { defaultValue: undefined });
    await Promise.all(users.map(send));
    expect(await tagged(blog)).toEqual(
      byName(users.map(user => ({ name: user.name, actor: by(user), description: 'job' }))),
    );
  });
});
