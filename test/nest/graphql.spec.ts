import { EntityManager } from '@mikro-orm/postgresql';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type CanActivate, type ExecutionContext, ForbiddenException, Injectable, UseGuards } from '@nestjs/common';
import {
  Args,
  Field,
  GqlExecutionContext,
  GraphQLModule,
  Mutation,
  ObjectType,
  Parent,
  Query,
  ResolveField,
  Resolver,
} from '@nestjs/graphql';
import { RevisionContext } from '@revy/mikro-orm';
import { RevisionActor, RevisionDescription } from '@revy/nestjs';
import { User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { type BlogApp, startBlog, type UserRequest } from './blog-app.js';
import { actorNow, by, byName, createUsers, tagged, TagWriter } from './tag-writer.js';

@Injectable()
class OperationGuard implements CanActivate {
  constructor(private readonly em: EntityManager) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { req } = GqlExecutionContext.create(context).getContext<{ req: UserRequest }>();
    const id = req.headers['x-user'];
    if (id !== undefined) req.user = await this.em.fork().findOneOrFail(User, Number(id));
    return true;
  }
}

@ObjectType()
class Label {
  @Field(() => String)
  name!: string;
}

@Resolver(() => Label)
@UseGuards(OperationGuard)
@RevisionActor() // request.user
class LabelResolver {
  constructor(private readonly tags: TagWriter) {}

  @Query(() => String)
  who(@RevisionActor() actor: User | null) {
    return `${actor?.name ?? 'nobody'} ${actorNow()}`;
  }

  @Mutation(() => Label)
  @RevisionDescription('added')
  async add(@Args('name', { type: () => String }) name: string): Promise<Label> {
    await this.tags.write(name);
    return { name };
  }

  @Mutation(() => [Label])
  @RevisionDescription(
    context => `all of ${GqlExecutionContext.create(context).getInfo<{ fieldName: string }>().fieldName}`,
  )
  async addBoth(@Args('name', { type: () => String }) name: string): Promise<Label[]> {
    const labels = [1, 2].map(n => ({ name: `${name} ${n}` }));
    await Promise.all(labels.map(label => this.tags.write(label.name)));
    return labels;
  }

  @Mutation(() => Label)
  @RevisionActor(() => {
    throw new ForbiddenException('who are you?');
  })
  refused(): Label {
    return { name: 'never' };
  }

  @ResolveField(() => String)
  async by(@Parent() { name }: Label) {
    await this.tags.write(`field of ${name}`);
    return actorNow();
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

const start = (options: Partial<ApolloDriverConfig>) =>
  startBlog({
    url: blog.database.url,
    imports: [GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true, ...options })],
    providers: [LabelResolver, OperationGuard, TagWriter],
  });

async function ask({ http }: BlogApp, query: string, user?: User) {
  const { body } = await http
    .post('/graphql')
    .set(user ? { 'x-user': String(user.id) } : {})
    .send({ query });
  return body as { data: Record<string, unknown>; errors?: { message: string }[] };
}

describe('a GraphQL operation', () => {
  let running: BlogApp;

  beforeAll(async () => {
    running = await start({});
  });

  afterAll(() => running.app.close());

  it('is answered with the actor of its own request', async () => {
    const answers = await Promise.all(users.map(user => ask(running, '{ who }', user)));
    expect(answers.map(({ data }) => data['who'])).toEqual(users.map(({ name }) => `${name} ${name}`));
    expect((await ask(running, '{ who }')).data).toEqual({ who: 'nobody nobody' });
    expect(await blog.revisions()).toEqual([]);
  });

  it('G5: has a frame for each of its mutations, 20 operations at once', async () => {
    const mutate = (user: User) =>
      ask(running, `mutation { add(name: "${user.name}") { name } addBoth(name: "${user.name}") { name } }`, user);
    const answers = await Promise.all(users.map(mutate));
    expect(answers.map(({ errors }) => errors)).toEqual(users.map(() => undefined));
    const expected = users.flatMap(user => [
      { name: user.name, actor: by(user), description: 'added' },
      { name: `${user.name} 1`, actor: by(user), description: 'all of addBoth' },
      { name: `${user.name} 2`, actor: by(user), description: 'all of addBoth' },
    ]);
    expect(await tagged(blog)).toEqual(byName(expected));
    expect(RevisionContext.isActive).toBe(false);
  });

  it('leaves its field resolvers without a frame, whose changes are the system’s', async () => {
    const { data } = await ask(running, 'mutation { add(name: "a") { by } }', users[0]);
    expect(data).toEqual({ add: { by: 'nobody' } });
    expect(await tagged(blog)).toEqual([
      { name: 'a', actor: by(users[0]!), description: 'added' },
      { name: 'field of a', actor: null, description: null },
    ]);
  });

  it('fails with an error where its actor cannot be resolved', async () => {
    const { errors } = await ask(running, 'mutation { refused { name } }', users[0]);
    expect(errors).toMatchObject([{ message: 'who are you?' }]);
  });
});

describe('with interceptors as field resolver enhancers, a GraphQL operation', () => {
  let running: BlogApp;

  beforeAll(async () => {
    running = await start({ fieldResolverEnhancers: ['interceptors'] });
  });

  afterAll(() => running.app.close());

  it('G5: has a frame for each of its field resolvers, 20 operations at once', async () => {
    const answers = await Promise.all(
      users.map(user => ask(running, `mutation { addBoth(name: "${user.name}") { by } }`, user)),
    );
    expect(answers.map(({ data }) => data)).toEqual(
      users.map(({ name }) => ({ addBoth: [{ by: name }, { by: name }] })),
    );
    const expected = users.flatMap(user =>
      [1, 2].flatMap(n => [
        { name: `${user.name} ${n}`, actor: by(user), description: 'all of addBoth' },
        { name: `field of ${user.name} ${n}`, actor: by(user), description: null },
      ]),
    );
    expect(await tagged(blog)).toEqual(byName(expected));
  });
});
