import type { EventEmitter } from 'node:events';
import { type Metadata, Metadata as CallMetadata } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { Controller, type ExecutionContext, ForbiddenException, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type ClientGrpcProxy,
  ClientProxyFactory,
  GrpcMethod,
  GrpcStreamCall,
  GrpcStreamMethod,
  type MicroserviceOptions,
  Transport,
} from '@nestjs/microservices';
import { ActorRef, RevisionContext } from '@revy/mikro-orm';
import { RevisionActor, RevisionDescription, RevyModule } from '@revy/nestjs';
import { concatMap, defer, firstValueFrom, from, map, type Observable, of, range, toArray } from 'rxjs';
import { BLOG, type User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { freePort } from './free-port.js';
import { actorNow, by, byName, createUsers, tagged, TagWriter } from './tag-writer.js';

interface Name {
  readonly name: string;
}

type Answer = (error: null, answer: Name) => void;

const method = (requestStream: boolean, responseStream: boolean) => ({
  requestType: 'Name',
  responseType: 'Name',
  requestStream,
  responseStream,
  comment: '',
});

/** A message of one name, by each of the four kinds of call. */
const packageDefinition = fromJSON({
  nested: {
    tags: {
      nested: {
        Name: { fields: { name: { type: 'string', id: 1 } } },
        Tags: {
          methods: {
            one: method(false, false),
            several: method(false, true),
            all: method(true, false),
            each: method(true, true),
            read: method(true, false),
            heard: method(true, false),
            overheard: method(true, false),
            refused: method(false, false),
          },
        },
      },
    },
  },
});

/** A call as gRPC has it brings its metadata along; all others have them beside the message. */
function caller(context: ExecutionContext): ActorRef {
  const [call, beside] = context.getArgs<[{ metadata?: Metadata }, Metadata]>();
  return new ActorRef('User', String((call.metadata ?? beside).get('user')[0]));
}

function listen(call: EventEmitter, answer: Answer): Promise<void> {
  const answers: string[] = [];
  call.on('data', () => answers.push(actorNow()));
  return new Promise(resolve => {
    call.on('end', () => {
      answer(null, { name: answers.join() });
      resolve();
    });
  });
}

@Controller()
@RevisionActor(caller)
@RevisionDescription(context => `${context.getType()} ${context.getHandler().name}`)
class TagCalls {
  constructor(private readonly tags: TagWriter) {}

  @GrpcMethod('Tags', 'one')
  one({ name }: Name): Promise<Name> {
    return this.#write(name);
  }

  @GrpcMethod('Tags', 'several')
  several({ name }: Name): Observable<Name> {
    return range(1, 2).pipe(concatMap(n => defer(() => from(this.#write(`${name} ${n}`)))));
  }

  @GrpcStreamMethod('Tags', 'all')
  @RevisionDescription('rpc all')
  all(names: Observable<Name>): Observable<Name> {
    const answers = names.pipe(concatMap(({ name }) => this.#write(name)));
    return answers.pipe(
      toArray(),
      map(all => ({ name: all.map(({ name }) => name).join() })),
    );
  }

  @GrpcStreamMethod('Tags', 'each')
  @RevisionDescription('rpc each')
  each(names: Observable<Name>): Observable<Name> {
    return names.pipe(concatMap(({ name }) => this.#write(name)));
  }

  @GrpcStreamCall('Tags', 'read')
  async read(call: AsyncIterable<Name>, answer: Answer): Promise<void> {
    const answers: string[] = [];
    for await (const { name } of call) answers.push((await this.#write(name)).name);
    answer(null, { name: answers.join() });
  }

  @GrpcStreamCall('Tags', 'heard')
  heard(call: EventEmitter, answer: Answer): Promise<void> {
    return listen(call, answer);
  }

  @GrpcStreamCall('Tags', 'overheard')
  overheard(call: EventEmitter, answer: Answer): void {
    void listen(call, answer);
  }

  @GrpcMethod('Tags', 'refused')
  @RevisionActor(() => {
    throw new ForbiddenException('who are you?');
  })
  refused(): Name {
    return { name: 'never' };
  }

  async #write(name: string): Promise<Name> {
    await this.tags.write(name);
    return { name: actorNow() };
  }
}

type Call<Input> = (input: Input, metadata: Metadata) => Observable<Name>;

interface Tags {
  readonly one: Call<Name>;
  readonly several: Call<Name>;
  readonly all: Call<Observable<Name>>;
  readonly each: Call<Observable<Name>>;
  readonly read: Call<Observable<Name>>;
  readonly heard: Call<Observable<Name>>;
  readonly overheard: Call<Observable<Name>>;
  readonly refused: Call<Name>;
}

describe('a call by gRPC', () => {
  let blog: TestOrm;
  let users: User[];
  let app: INestMicroservice;
  let client: ClientGrpcProxy;
  let service: Tags;

  beforeAll(async () => {
    blog = await createOrm();
    users = await createUsers(blog, 20);
    const url = `127.0.0.1:${await freePort()}`;
    const options = { transport: Transport.GRPC, options: { url, package: 'tags', packageDefinition } } as const;
    const orm = await MikroOrmModule.forRoot({
      driver: PostgreSqlDriver,
      clientUrl: blog.database.url,
      entities: BLOG,
    });
    class ServiceModule {}
    const module = {
      module: ServiceModule,
      imports: [orm, RevyModule.forRoot()],
      controllers: [TagCalls],
      providers: [TagWriter],
    };
    app = await NestFactory.createMicroservice<MicroserviceOptions>(module, { ...options, logger: false });
    await app.listen();
    client = ClientProxyFactory.create(options);
    service = client.getService<Tags>('Tags');
  });

  beforeEach(() => blog.forget());

  afterAll(async () => {
    client.close();
    await app.close();
    await blog.close();
  });

  const metadataOf = ({ id }: User) => {
    const metadata = new CallMetadata();
    metadata.set('user', String(id));
    return metadata;
  };
  const names = ({ name }: User) => [1, 2].map(n => ({ name: `${name} ${n}` }));
  const answersOf = (ask: (user: User) => Observable<Name>) =>
    Promise.all(
      users.map(user =>
        firstValueFrom(
          ask(user).pipe(
            map(({ name }) => name),
            toArray(),
          ),
        ),
      ),
    );

  it('G5: is credited to its own caller, 20 at once', async () => {
    const answers = await answersOf(user => service.one({ name: user.name }, metadataOf(user)));
    expect(answers).toEqual(users.map(user => [by(user)]));
    expect(await tagged(blog)).toEqual(
      byName(users.map(user => ({ name: user.name, actor: by(user), description: 'rpc one' }))),
    );
    expect(RevisionContext.isActive).toBe(false);
  });

  it.each([
    ['a stream of answers', 'several', (user: User) => service.several({ name: user.name }, metadataOf(user)), 2],
    ['a stream of messages', 'all', (user: User) => service.all(of(...names(user)), metadataOf(user)), 1],
    ['streams both ways', 'each', (user: User) => service.each(of(...names(user)), metadataOf(user)), 2],
    ['a call as gRPC has it', 'read', (user: User) => service.read(of(...names(user)), metadataOf(user)), 1],
  ] as const)('keeps its frame in %s', async (_, handler, ask, count) => {
    const answers = await answersOf(ask);
    const own = (user: User) => (count === 1 ? [[by(user), by(user)].join()] : [by(user), by(user)]);
    expect(answers).toEqual(users.map(own));
    const made = users.flatMap(user =>
      names(user).map(({ name }) => ({ name, actor: by(user), description: `rpc ${handler}` })),
    );
    expect(await tagged(blog)).toEqual(byName(made));
  });

  it('keeps its frame in a listener for as long as its handler runs', async () => {
    const user = users[0]!;
    const ask = (call: Call<Observable<Name>>) => firstValueFrom(call(of(...names(user)), metadataOf(user)));
    expect(await ask(service.heard)).toEqual({ name: [by(user), by(user)].join() });
    expect(await ask(service.overheard)).toEqual({ name: 'nobody,nobody' });
  });

  it('fails as a call where its actor cannot be resolved', async () => {
    const answer = firstValueFrom(service.refused({ name: 'x' }, metadataOf(users[0]!)));
    await expect(answer).rejects.toMatchObject({ code: 2 });
  });
});
