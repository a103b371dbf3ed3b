import { setTimeout as sleep } from 'node:timers/promises';
import { EntityManager } from '@mikro-orm/postgresql';
import {
  Body,
  Controller,
  ForbiddenException,
  Get,
  Injectable,
  type MessageEvent,
  Param,
  ParseIntPipe,
  Patch,
  Post as HttpPost,
  Scope,
  Sse,
  UseGuards,
} from '@nestjs/common';
import { RevisionContext, SystemActor } from '@revy/mikro-orm';
import { RevisionActor, RevisionDescription, RevisionMetadata, WithoutRevision } from '@revy/nestjs';
import { concatMap, defer, finalize, from, interval, map, type Observable, take } from 'rxjs';
import { Post, User } from '../support/blog.js';
import { requestOf, UserGuard } from './blog-app.js';

export const QUOTED = `it's "quoted", with a \\ and a $1; ünïcode -- and ' more`;

/** Who runs in a frame, as text: what a handler answers so that a test can see it. */
function actorNow(): string {
  const actor = RevisionContext.get('actor');
  return actor instanceof User || SystemActor.is(actor) ? actor.name : 'nobody';
}

@Injectable()
export class PostService {
  constructor(private readonly em: EntityManager) {}

  async create(title: string): Promise<Post> {
    const post = this.em.create(Post, { title, views: 0, meta: null });
    await this.em.flush();
    return post;
  }
}

@Injectable({ scope: Scope.REQUEST })
export class RequestScopedService {
  actor(): string {
    return actorNow();
  }
}

export const stopped: string[] = [];

export const held: { em?: EntityManager; meta?: Record<string, unknown> } = {};

@Controller('posts')
@UseGuards(UserGuard)
@RevisionActor()
@RevisionMetadata({ place: 'class', version: 1 })
export class PostsController {
  constructor(
    private readonly em: EntityManager,
    private readonly posts: PostService,
    private readonly scoped: RequestScopedService,
  ) {}

  @HttpPost()
  async create(@Body('title') title: string) {
    return { id: (await this.posts.create(title)).id };
  }

  @Patch(':id/slowly')
  async slowly(@Param('id') id: string, @Body('title') title: string, @Body('slug') slug: string) {
    const post = await this.em.findOneOrFail(Post, Number(id));
    await sleep(Math.random() * 10);
    post.title = title;
    await sleep(Math.random() * 10);
    RevisionContext.run({ actor: new SystemActor(`sluggifier of ${title}`) }, () => {
      post.slug = slug;
    });
    await sleep(Math.random() * 10);
    await this.em.flush();
    return { actor: actorNow() };
  }

  @HttpPost('described')
  @RevisionDescription(QUOTED)
  @RevisionMetadata(context => ({ place: 'handler', agent: requestOf(context).headers['x-agent'] }))
  async described() {
    await this.posts.create('described');
  }

  @HttpPost('fails')
  async fails() {
    await this.em.transactional(async em => {
      em.create(Post, { title: 'lost', views: 0, meta: null });
      await em.flush();
      throw new ForbiddenException('no');
    });
  }

  @HttpPost('unrecorded')
  @WithoutRevision()
  async unrecorded() {
    const { id } = await this.posts.create('unrecorded');
    await RevisionContext.runEnabled(() => this.posts.create('recorded after all'));
    return { id, isDisabled: RevisionContext.isDisabled };
  }

  @HttpPost('json/:id')
  async changeJson(@Param('id') id: string) {
    const post = await this.em.findOneOrFail(Post, Number(id));
    post.meta!['by'] = 'the request';
    await RevisionContext.run({ actor: new SystemActor('flusher') }, () => this.em.flush());
  }

  @HttpPost('hold/:id')
  async hold(@Param('id') id: string) {
    held.em = this.em.fork();
    const post = await held.em.findOneOrFail(Post, Number(id));
    held.meta = post.meta!;
    held.meta['by'] = 'the request';
  }

  @Get('who')
  who(@RevisionActor() actor: User | null) {
    return { parameter: actor?.name ?? null, context: actorNow(), scoped: this.scoped.actor() };
  }

  @HttpPost('observable')
  observable(): Observable<string> {
    return defer(() => from(this.posts.create('from an Observable'))).pipe(map(() => actorNow()));
  }

  @Sse('endless')
  endless(): Observable<MessageEvent> {
    return interval(2).pipe(
      map(() => ({ data: actorNow() })),
      finalize(() => stopped.push(actorNow())),
    );
  }

  @HttpPost('refused/:id')
  refused(@Param('id', ParseIntPipe) id: number) {
    return { id };
  }

  @Sse('events')
  events(): Observable<MessageEvent> {
    return interval(5).pipe(
      take(2),
      concatMap(n => from(this.posts.create(`event ${n}`))),
      map(post => ({ data: `${post.title} by ${actorNow()}` })),
    );
  }
}

export const asked: string[] = [];

@Controller('precedence')
@RevisionActor(context => {
  asked.push('class');
  return requestOf(context).headers['x-class'] === undefined ? undefined : new SystemActor('class');
})
export class PrecedenceController {
  @Get('handler')
  @RevisionActor(async context => {
    asked.push('handler');
    await sleep(2);
    const name = requestOf(context).headers['x-handler'];
    return name === undefined ? undefined : name === 'null' ? null : new SystemActor(name);
  })
  handler(@RevisionActor() actor: SystemActor | null) {
    return { actor: actor?.name ?? null };
  }

  @Get('class')
  class(@RevisionActor() actor: SystemActor | null) {
    return { actor: actor?.name ?? null };
  }

  @Get('throws')
  @RevisionActor(() => {
    throw new Error('thrown');
  })
  throws() {
    asked.push('throws');
  }

  @Get('rejects')
  @RevisionActor(async () => {
    await sleep(1);
    throw new ForbiddenException('who are you?');
  })
  rejects() {
    asked.push('rejects');
  }
}

@Controller('bare')
export class BareController {
  constructor(private readonly posts: PostService) {}

  @HttpPost()
  async create(@RevisionActor() actor: object | null) {
    await this.posts.create('bare');
    return { actor };
  }
}

@Controller('off')
@WithoutRevision()
export class OffController {
  constructor(private readonly posts: PostService) {}

  @HttpPost()
  async create() {
    await this.posts.create('off');
  }
}
