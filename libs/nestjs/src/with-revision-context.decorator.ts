import 'reflect-metadata';
import type { ExecutionContext, Type } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { type Actor, type ActorRef, type CapturedContext, runWithCaptured, type SystemActor } from '@revy/mikro-orm';
import { methodContext } from './method-context.js';
import { UnreachableResolverError } from './revy-nest.errors.js';
import { type Asked, decoratedSources, frameValues, resolveValues, type Said, type Sources } from './resolve-values.js';
import { openFrame } from './run-in-frame.js';
import { runLasting } from './run-lasting.js';
import { settle, type Steps } from './settle.js';
import { WithoutRevisionMark } from './without-revision.decorator.js';

/** A value, or what gives one for a call: a function of the method's arguments, whose `this` is the instance. */
export type ValueOfCall<Value, Fixed = Value> =
  Fixed | ((...args: never[]) => Value | undefined | Promise<Value | undefined>);

/** What `@WithRevisionContext()` says for its method. A function that returns `undefined` says nothing. */
export interface WithRevisionContextOptions {
  /** Who makes the changes. */
  readonly actor?: ValueOfCall<Actor, SystemActor | ActorRef | null>;
  /** Why: the description of the revisions. */
  readonly description?: ValueOfCall<string | null>;
  /** Stored with the revisions, over the metadata that holds already. */
  readonly metadata?: ValueOfCall<Record<string, unknown>>;
  /** Where the method finds a context that came along with its job: what `captureContext()` gave. */
  readonly captured?: (
    ...args: never[]
  ) => CapturedContext | null | undefined | Promise<CapturedContext | null | undefined>;
}

const reflector = new Reflector();

type Method = (this: object, ...args: unknown[]) => unknown;

/**
 * Opens a frame around a method of any provider, for what no interceptor reaches: jobs, cron, queue processors, event
 * handlers, `handleConnection`.
 *
 * What it returns stays what it is: a value, a promise, an Observable, a generator. The frame lasts until that has
 * ended. The method returns a promise in any case where one of the values has to be waited for. `@RevisionActor(fn)`,
 * `@RevisionDescription`, `@RevisionMetadata` and `@WithoutRevision` on the method or its class are heeded, and asked
 * after the options. May stand above or below the decorators of other packages.
 *
 * ```ts
 * @WithRevisionContext({ captured: (job: Job) => job.data.context, description: 'mail sent' })
 * async process(job: Job) {}
 * ```
 */
export function WithRevisionContext(
  options: WithRevisionContextOptions = {},
): <Of extends (...args: never[]) => unknown>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<Of>,
) => void {
  return (_target, _key, descriptor) => {
    const method = descriptor.value as unknown as Method;
    const framed: Method = likeness(method, function (...args) {
      return runFramed({ instance: this, args, method, framed }, options);
    });
    descriptor.value = disguised(framed, method) as never;
  };
}

interface Call {
  readonly instance: object;
  readonly args: readonly unknown[];
  readonly method: Method;
  /** What stands in the class in place of the method: decorators above have marked it, those below the method. */
  readonly framed: Method;
}

function runFramed(call: Call, options: WithRevisionContextOptions): unknown {
  return settle(inSteps(call, options));
}

function* inSteps(call: Call, options: WithRevisionContextOptions): Steps<unknown> {
  const { instance, args, method, framed } = call;
  const captured: CapturedContext | null | undefined = yield options.captured?.apply(instance, args as never[]);
  const context = methodContext(instance, framed, args);
  const asked: Asked = { context, instanceOf: resolver => unreachable(resolver, context) };
  const said: Said = yield* resolveValues(asked, ownSources(call, options), {});
  const known: Said = yield* resolveValues(asked, decoratedSources(reflector, context), said);
  const isDisabled = reflector.getAllAndOverride(WithoutRevisionMark, [framed, context.getClass()]) === true;
  const inFrame = <Result>(fn: () => Result) => openFrame({ values: frameValues(known), isDisabled }, fn);
  const open = <Result>(fn: () => Result) => (captured ? runWithCaptured(captured, () => inFrame(fn)) : inFrame(fn));
  return runLasting(open, () => method.apply(instance, [...args]));
}

function ownSources({ instance, args }: Call, { actor, description, metadata }: WithRevisionContextOptions): Sources {
  type Ask<Value> = (...args: unknown[]) => Value | undefined | Promise<Value | undefined>;
  const source = <Value>(given: ValueOfCall<Value> | undefined) => {
    if (given === undefined) return [];
    return [() => (typeof given === 'function' ? (given as Ask<Value>).apply(instance, [...args]) : given)];
  };
  return { actor: source(actor), description: source(description), metadata: source(metadata) };
}

function unreachable(resolver: Type, context: ExecutionContext): never {
  throw new UnreachableResolverError(resolver.name, `${context.getClass().name}.${context.getHandler().name}`);
}

/** Other decorators, such as MikroORM's `@CreateRequestContext()`, only take what was written as an async function. */
function likeness(method: Method, framed: Method): Method {
  if (method.constructor.name !== 'AsyncFunction') return framed;
  return async function (this: object, ...args) {
    return framed.apply(this, args);
  };
}

/** Other decorators look at the name of a method, and keep what they say on its function. */
function disguised(framed: Method, method: Method): Method {
  for (const property of ['name', 'length'] as const) {
    Object.defineProperty(framed, property, { value: method[property], configurable: true });
  }
  for (const key of Reflect.getMetadataKeys(method) as unknown[]) {
    Reflect.defineMetadata(key, Reflect.getMetadata(key, method), framed);
  }
  return framed;
}
