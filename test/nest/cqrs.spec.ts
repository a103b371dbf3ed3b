import { Body, Controller, Injectable, Post as HttpPost, UseGuards } from '@nestjs/common';
import {
  CommandBus,
  CommandHandler,
  CqrsModule,
  EventBus,
  EventsHandler,
  type ICommand,
  type ICommandHandler,
  type IEventHandler,
  type IQueryHandler,
  ofType,
  QueryBus,
  QueryHandler,
  Saga,
} from '@nestjs/cqrs';
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { RevisionContext, SystemActor } from '@revy/mikro-orm';
import { RevisionActor, RevisionDescription, WithRevisionContext } from '@revy/nestjs';
import { delay, map, type Observable } from 'rxjs';
import type { User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { type BlogApp, startBlog, UserGuard } from './blog-app.js';
import { actorNow, by, byName, createUsers, tagged, TagWriter, until } from './tag-writer.js';

class TagPost {
  constructor(readonly name: string) {}
}

class AnnounceTag {
  constructor(readonly name: string) {}
}

class PostTagged {
  constructor(readonly name: string) {}
}

class WhoAsks {}

@CommandHandler(TagPost)
class TagPostHandler implements ICommandHandler<TagPost> {
  constructor(
    private readonly tags: TagWriter,
    private readonly events: EventBus,
  ) {}

  async execute({ name }: TagPost) {
    await this.tags.write(`command ${name}`);
    this.events.publish(new PostTagged(name));
  }
}

@EventsHandler(PostTagged)
class PostTaggedHandler implements IEventHandler<PostTagged> {
  constructor(private readonly tags: TagWriter) {}

  async handle({ name }: PostTagged) {
    await this.tags.write(`event ${name}`);
  }
}

@CommandHandler(AnnounceTag)
class AnnounceTagHandler implements ICommandHandler<AnnounceTag> {
  constructor(private readonly tags: TagWriter) {}

  @WithRevisionContext({ actor: new SystemActor('announcer') })
  async execute({ name }: AnnounceTag) {
    await this.tags.write(`saga ${name}`);
  }
}

@Injectable()
class TagSagas {
  @Saga()
  announced(events: Observable<PostTagged>): Observable<ICommand> {
    return events.pipe(
      ofType(PostTagged),
      delay(1),
      map(({ name }) => new AnnounceTag(`${name} of ${actorNow()}`)),
    );
  }
}

@QueryHandler(WhoAsks)
class WhoAsksHandler implements IQueryHandler<WhoAsks> {
  async execute() {
    return actorNow();
  }
}

@Injectable()
class TagListeners {
  constructor(private readonly tags: TagWriter) {}

  @OnEvent('tag.made')
  async atOnce(name: string) {
    await this.tags.write(`at once ${name}`);
  }

  @OnEvent('tag.made', { async: true })
  async later(name: string) {
    await this.tags.write(`later ${name}`);
  }

  @OnEvent('tag.made')
  @WithRevisionContext({ actor: new SystemActor('listener'), description: (name: string) => `heard of ${name}` })
  async framed(name: string) {
    await this.tags.write(`framed ${name}`);
  }
}

@Controller()
@UseGuards(UserGuard)
@RevisionActor()
@RevisionDescription(context => context.getHandler().name)
class TagsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly emitter: EventEmitter2,
  ) {}

  @HttpPost('command')
  async command(@Body('name') name: string) {
    await this.commands.execute(new TagPost(name));
    return { actor: await this.queries.execute(new WhoAsks()) };
  }

  @HttpPost('emit')
  emit(@Body('name') name: string) {
    return { heard: this.emitter.emit('tag.made', name) };
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
    imports: [CqrsModule.forRoot(), EventEmitterModule.forRoot()],
    controllers: [TagsController],
    providers: [
      TagWriter,
      TagPostHandler,
      PostTaggedHandler,
      AnnounceTagHandler,
      TagSagas,
      WhoAsksHandler,
      TagListeners,
    ],
  });
});

beforeEach(() => blog.forget());

afterAll(async () => {
  await running.app.close();
  await blog.close();
});

const post = (path: string, user: User) =>
  running.http.post(path).set('x-user', String(user.id)).send({ name: user.name }).expect(201);

describe('commands, events and queries', () => {
  it('G5: inherit the context of their own request, 20 at once, and a saga that says who acts does', async () => {
    const answers = await Promise.all(users.map(user => post('/command', user)));
    expect(answers.map(({ body }) => body.actor)).toEqual(users.map(({ name }) => name));
    await until(async () => (await tagged(blog)).length === users.length * 3);
    const description = 'command';
    const expected = users.flatMap(user => [
      { name: `command ${user.name}`, actor: by(user), description },
      { name: `event ${user.name}`, actor: by(user), description },
      { name: `saga ${user.name} of ${user.name}`, actor: 'system:announcer', description },
    ]);
    expect(await tagged(blog)).toEqual(byName(expected));
    expect(RevisionContext.isActive).toBe(false);
  });
});

describe('event emitters', () => {
  it('G5: call their listeners in the context of the request, and @WithRevisionContext() says otherwise', async () => {
    await Promise.all(users.map(user => post('/emit', user)));
    await until(async () => (await tagged(blog)).length === users.length * 3);
    const expected = users.flatMap(user => [
      { name: `at once ${user.name}`, actor: by(user), description: 'emit' },
      { name: `later ${user.name}`, actor: by(user), description: 'emit' },
      { name: `framed ${user.name}`, actor: 'system:listener', description: `heard of ${user.name}` },
    ]);
    expect(await tagged(blog)).toEqual(byName(expected));
  });
});
