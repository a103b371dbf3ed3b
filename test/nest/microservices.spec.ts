import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type ClientOptions,
  type ClientProxy,
  ClientProxyFactory,
  type MicroserviceOptions,
  Transport,
} from '@nestjs/microservices';
import { RevisionContext, SystemActor } from '@revy/mikro-orm';
import { RevyModule } from '@revy/nestjs';
import { firstValueFrom, toArray } from 'rxjs';
import { BLOG, type User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { startBlog } from './blog-app.js';
import { findBrokers, type MessageOptions } from './brokers.js';
import { freePort } from './free-port.js';
import { pattern, TagMessages } from './tag-messages.js';
import { by, byName, createUsers, tagged, TagWriter, until } from './tag-writer.js';

const brokers = await findBrokers();

let blog: TestOrm;
let users: User[];

beforeAll(async () => {
  blog = await createOrm();
  users = await createUsers(blog, 20);
});

beforeEach(() => blog.forget());

afterAll(() => blog.close());

const tcp = async (): Promise<MessageOptions> => ({
  transport: Transport.TCP,
  options: { host: '127.0.0.1', port: await freePort() },
});

interface Service {
  readonly client: ClientProxy;
  close(): Promise<void>;
}

function connected(app: INestApplicationContext, options: MessageOptions): Service {
  const client = ClientProxyFactory.create(options as ClientOptions);
  const close = async () => {
    await client.close();
    await app.close();
  };
  return { client, close };
}

async function standalone(options: MessageOptions): Promise<Service> {
  const orm = await MikroOrmModule.forRoot({ driver: PostgreSqlDriver, clientUrl: blog.database.url, entities: BLOG });
  class ServiceModule {}
  const module = {
    module: ServiceModule,
    imports: [orm, RevyModule.forRoot()],
    controllers: [TagMessages],
    providers: [TagWriter],
  };
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(module, { ...options, logger: false });
  await app.listen();
  return connected(app, options);
}

async function hybrid(inheritAppConfig: boolean): Promise<Service> {
  const options = await tcp();
  const { app } = await startBlog({
    url: blog.database.url,
    controllers: [TagMessages],
    providers: [TagWriter],
    async before(application) {
      application.connectMicroservice<MicroserviceOptions>(options, { inheritAppConfig });
      await application.startAllMicroservices();
    },
  });
  return connected(app, options);
}

interface Start {
  readonly to: string;
  readonly isThere: boolean;
  readonly start: () => Promise<Service>;
}

const SERVICES: readonly Start[] = [
  { to: 'a microservice', isThere: true, start: async () => standalone(await tcp()) },
  ...brokers.map(({ name, options, isThere }) => ({
    to: `a microservice by ${name}${isThere ? '' : ', which does not answer here'}`,
    isThere,
    start: () => standalone(options),
  })),
  { to: 'a hybrid application that inherits its configuration', isThere: true, start: () => hybrid(true) },
];

for (const { to, isThere, start } of SERVICES)
  (isThere ? describe : describe.skip)(`a message to ${to}`, () => {
    let service: Service;

    beforeAll(async () => {
      service = await start();
    });

    afterAll(() => service.close());

    it('G5: is credited to its own sender, 20 at once', async () => {
      const send = ({ id, name }: User) => firstValueFrom(service.client.send(pattern('tag'), { user: id, name }));
      const answers = await Promise.all(users.map(send));
      expect(answers).toEqual(users.map(user => ({ actor: by(user), parameter: by(user) })));
      expect(await tagged(blog)).toEqual(
        byName(users.map(user => ({ name: user.name, actor: by(user), description: 'rpc tag' }))),
      );
      expect(RevisionContext.isActive).toBe(false);
    });

    it('keeps its frame in each value of an Observable', async () => {
      const stream = ({ id, name }: User) =>
        firstValueFrom(service.client.send<string>(pattern('stream'), { user: id, name }).pipe(toArray()));
      const answers = await Promise.all(users.map(stream));
      expect(answers).toEqual(users.map(user => [by(user), by(user)]));
      const expected = users.flatMap(user =>
        [1, 2].map(n => ({ name: `${user.name} ${n}`, actor: by(user), description: 'rpc stream' })),
      );
      expect(await tagged(blog)).toEqual(byName(expected));
    });

    it('is credited where nobody waits for an answer', async () => {
      for (const { id, name } of users) service.client.emit(pattern('tagged'), { user: id, name });
      await until(async () => (await tagged(blog)).length === users.length);
      expect(await tagged(blog)).toEqual(
        byName(users.map(user => ({ name: user.name, actor: by(user), description: 'rpc tagged' }))),
      );
    });

    it('fails as a message where its actor cannot be resolved', async () => {
      const answer = firstValueFrom(service.client.send(pattern('refused'), { user: 1, name: 'x' }));
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
      firstValueFrom(service.client.send(pattern('stream'), { user: users[0]!.id, name: 'x' }).pipe(toArray())),
    );
    expect(answer).toEqual(['nobody', 'nobody']);
    expect(await tagged(blog)).toMatchObject([{ actor: null }, { actor: null }]);
  });

  it('is credited by @WithRevisionContext()', async () => {
    const send = ({ id, name }: User) =>
      firstValueFrom(service.client.send(pattern('job'), { user: id, name }), { defaultValue: undefined });
    await Promise.all(users.map(send));
    expect(await tagged(blog)).toEqual(
      byName(users.map(user => ({ name: user.name, actor: by(user), description: 'job' }))),
    );
  });
});
