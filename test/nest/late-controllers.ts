import { Readable } from 'node:stream';
import { EntityManager } from '@mikro-orm/postgresql';
import {
  type ArgumentsHost,
  BadRequestException,
  Body,
  type CanActivate,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  ForbiddenException,
  Get,
  type HttpException,
  Inject,
  Injectable,
  Param,
  type PipeTransform,
  Post as HttpPost,
  Scope,
  StreamableFile,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { RevisionContext } from '@revy/mikro-orm';
import { RevisionActor, RevisionDescription, type RevisionResolver, WithoutRevision } from '@revy/nestjs';
import { Tag, User } from '../support/blog.js';
import { requestOf, UserGuard, type UserRequest } from './blog-app.js';
import { actorNow, TagWriter } from './tag-writer.js';

/** Records each refusal, as an application may want to. */
@Injectable()
@Catch(BadRequestException, ForbiddenException)
export class RecordingFilter implements ExceptionFilter {
  constructor(private readonly tags: TagWriter) {}

  async catch(error: HttpException, host: ArgumentsHost): Promise<void> {
    await this.tags.write(`refused: ${error.message}`);
    const response = host.switchToHttp().getResponse<Answering>();
    const [status, body] = [error.getStatus(), { actor: actorNow() }];
    if (response.json) response.status(status).json?.(body);
    else await response.status(status).send?.(body);
  }
}

interface Answering {
  status(code: number): this;
  json?(body: object): void;
  send?(body: object): PromiseLike<unknown>;
}

/** A pipe that needs to know who is calling. */
@Injectable()
export class OwnNamePipe implements PipeTransform<string> {
  transform(name: string): string {
    if (name !== actorNow()) throw new ForbiddenException(`${actorNow()} is not ${name}`);
    return name;
  }
}

/** Writes before anybody knows who is calling, unless it says so. */
@Injectable()
export class WritingGuard implements CanActivate {
  constructor(private readonly tags: TagWriter) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { headers, user } = requestOf(context);
    if (headers['x-say']) RevisionContext.set('actor', user!);
    await this.tags.write(`guard of ${user!.name}`);
    return true;
  }
}

@Controller('late')
@UseGuards(UserGuard)
@UseFilters(RecordingFilter)
@RevisionActor()
@RevisionDescription(context => context.getHandler().name)
export class LateController {
  constructor(private readonly tags: TagWriter) {}

  @HttpPost('refused')
  refused(@Body('reason') reason: string) {
    throw new BadRequestException(reason);
  }

  @HttpPost('own/:name')
  async own(@Param('name', OwnNamePipe) name: string) {
    await this.tags.write(`own ${name}`);
  }

  @HttpPost('guarded')
  @UseGuards(WritingGuard)
  guarded() {}

  @Get('stream/:name')
  stream(@Param('name') name: string) {
    return new StreamableFile(Readable.from(this.chunks(name)));
  }

  @Get('unrecorded/:name')
  @WithoutRevision()
  unrecorded(@Param('name') name: string) {
    return new StreamableFile(Readable.from(this.chunks(name)));
  }

  private async *chunks(name: string) {
    for (const part of [1, 2]) {
      await this.tags.write(`chunk ${part} of ${name}`);
      yield `${actorNow()} `;
    }
  }
}

/** A resolver of the container, of one instance. */
@Injectable()
export class CurrentUser implements RevisionResolver<User | null> {
  constructor(private readonly em: EntityManager) {}

  async resolve(context: ExecutionContext) {
    const id = requestOf(context).headers['x-user'];
    if (id === 'forbidden') throw new ForbiddenException('not you');
    return id === undefined ? undefined : this.em.fork().findOneOrFail(User, Number(id));
  }
}

@Controller('reading')
@UseGuards(UserGuard)
@RevisionActor()
export class ReadingController {
  constructor(private readonly em: EntityManager) {}

  @Get()
  async read() {
    return this.em.find(Tag, { name: 'read' });
  }
}

/** One of each request, which knows its request. */
@Injectable({ scope: Scope.REQUEST })
export class AgentOfRequest implements RevisionResolver<string> {
  constructor(@Inject(REQUEST) private readonly request: UserRequest) {}

  resolve() {
    return `with ${this.request.headers['x-agent']}`;
  }
}

/** No provider of any module. */
@Injectable()
export class Unprovided implements RevisionResolver<Record<string, unknown>> {
  static made = 0;
  readonly number = ++Unprovided.made;

  constructor(private readonly em: EntityManager) {}

  resolve() {
    return { made: this.number, hasEm: this.em instanceof EntityManager };
  }
}

@Controller('resolved')
@RevisionActor(CurrentUser)
export class ResolvedController {
  constructor(private readonly tags: TagWriter) {}

  @HttpPost(':name')
  @RevisionDescription(AgentOfRequest)
  async tag(@Param('name') name: string, @RevisionActor() actor: User | null) {
    await this.tags.write(name);
    return { actor: actor?.name ?? null };
  }
}
