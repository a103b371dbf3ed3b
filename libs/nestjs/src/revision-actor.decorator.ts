import { createParamDecorator, type ExecutionContext, type Type } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { type Actor, RevisionContext } from '@revy/mikro-orm';
import { calledBy } from './called-by.js';
import { MisplacedRevisionActorError } from './revy-nest.errors.js';
import type { ActorResolver, RevisionResolver } from './revy.module-options.js';

type ActorSource = ActorResolver | Type<RevisionResolver<Actor>>;

type Place = [target: object, key?: string | symbol, at?: number | PropertyDescriptor];

/** Where a resolver is kept until a call asks for it. */
export const ActorMark = Reflector.createDecorator<ActorSource>();

const InjectActor = createParamDecorator((): Actor => RevisionContext.get('actor') ?? null);

/**
 * On a handler's parameter: injects who makes the changes of this call, `null` for the system.
 * On a handler or a class: makes the `user` the actor that guards leave at the HTTP request, at the request behind a
 * GraphQL operation, or at the client of a WebSocket.
 *
 * @throws {MisplacedRevisionActorError} on a parameter of a constructor
 */
export function RevisionActor(): ClassDecorator & MethodDecorator & ParameterDecorator;
/**
 * Says who makes the changes of a handler, or of all handlers of a class. Handler beats class beats module option.
 *
 * ```ts
 * @RevisionActor(context => context.switchToHttp().getRequest<AuthenticatedRequest>().account)
 * ```
 *
 * @param resolver a function, or a class of the container whose instance is asked
 * @throws {MisplacedRevisionActorError} on a parameter
 */
export function RevisionActor(
  resolver: ActorResolver | Type<RevisionResolver<Actor>>,
): ClassDecorator & MethodDecorator;
export function RevisionActor(resolver?: ActorSource): ClassDecorator & MethodDecorator & ParameterDecorator {
  const mark = ActorMark(resolver ?? requestUser) as (...place: Place) => void;
  return (...place: Place) => {
    const [target, key, at] = place;
    if (typeof at !== 'number') return mark(...place);
    if (key === undefined) throw new MisplacedRevisionActorError(nameOf(target), 'constructor parameter');
    if (resolver) throw new MisplacedRevisionActorError(`${nameOf(target)}.${String(key)}`, 'resolver on a parameter');
    InjectActor()(target, key, at);
  };
}

function requestUser(context: ExecutionContext): Actor | undefined {
  return calledBy(context)?.user;
}

function nameOf(target: object): string {
  return typeof target === 'function' ? target.name : target.constructor.name;
}
