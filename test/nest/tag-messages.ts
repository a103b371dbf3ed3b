import { randomUUID } from 'node:crypto';
import { Controller, type ExecutionContext, ForbiddenException } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { ActorRef } from '@revy/mikro-orm';
import { RevisionActor, RevisionDescription, WithRevisionContext } from '@revy/nestjs';
import { concatMap, defer, from, map, type Observable, range } from 'rxjs';
import { actorNow, TagWriter } from './tag-writer.js';

export interface Message {
  readonly user: number;
  readonly name: string;
}

const run = randomUUID();

/** A pattern of this process alone: other runs of the suite may use the same broker. */
export const pattern = (name: string): string => `${run}.${name}`;

const callerOf = ({ user }: Message) => new ActorRef('User', String(user));

const sender = (context: ExecutionContext) => callerOf(context.switchToRpc().getData<Message>());

@Controller()
@RevisionActor(sender)
@RevisionDescription(context => `${context.getType()} ${context.getHandler().name}`)
export class TagMessages {
  constructor(private readonly tags: TagWriter) {}

  @MessagePattern(pattern('tag'))
  async tag(@Payload() { name }: Message, @RevisionActor() actor: ActorRef) {
    await this.tags.write(name);
    return { actor: actorNow(), parameter: `${actor.type}:${actor.id}` };
  }

  @MessagePattern(pattern('stream'))
  stream(@Payload() { name }: Message): Observable<string> {
    return range(1, 2).pipe(concatMap(n => defer(() => from(this.tags.write(`${name} ${n}`)).pipe(map(actorNow)))));
  }

  @EventPattern<{ [event: string]: Message }>(pattern('tagged'))
  async tagged(@Payload() { name }: Message) {
    await this.tags.write(name);
  }

  @MessagePattern(pattern('refused'))
  @RevisionActor(() => {
    throw new ForbiddenException('who are you?');
  })
  refused() {
    return 'never';
  }

  @MessagePattern(pattern('job'))
  @WithRevisionContext({ actor: callerOf, description: 'job' })
  async job({ name }: Message) {
    await this.tags.write(name);
  }
}
