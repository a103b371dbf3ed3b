import type { ExecutionContext, Type } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import { type Actor, RevisionContext, type RevisionValues } from '@revy/mikro-orm';
import { ActorMark } from './revision-actor.decorator.js';
import { DescriptionMark } from './revision-description.decorator.js';
import { MetadataMark } from './revision-metadata.decorator.js';
import type { RevisionResolver, RevyModuleOptions } from './revy.module-options.js';
import type { Steps } from './settle.js';

type Answer<Value> = Value | undefined | Promise<Value | undefined>;

type Resolver<Value> = (context: ExecutionContext) => Answer<Value>;

/** What a decorator or an option may say: a value, a function, or a class whose instance is asked. */
type Source<Value> = Value | Resolver<Value> | Type<RevisionResolver<Value>>;

/** Who can say something about a call, most specific first. */
export interface Sources {
  readonly actor: readonly Source<Actor>[];
  readonly description: readonly Source<string | null>[];
  readonly metadata: readonly Source<Record<string, unknown>>[];
}

/** What they said. A key that nobody said anything about is `undefined`. */
export type Said = Pick<RevisionValues, 'actor' | 'revisionDescription' | 'metadata'>;

/** A call whose values are to be found. */
export interface Asked {
  readonly context: ExecutionContext;
  /** The instance of a class that resolves. */
  instanceOf(resolver: Type<RevisionResolver<unknown>>): unknown;
}

/** The decorators of the handler, then those of its class. */
export function decoratedSources(reflector: Reflector, context: ExecutionContext): Sources {
  const places = [context.getHandler(), context.getClass()];
  return {
    actor: given(places.map(place => reflector.get(ActorMark, place))),
    description: given(places.map(place => reflector.get(DescriptionMark, place))),
    metadata: given(places.map(place => reflector.get(MetadataMark, place))),
  };
}

/** The options of one module. */
export function moduleSources({ actor, description, metadata }: RevyModuleOptions): Sources {
  return { actor: given([actor]), description: given([description]), metadata: given([metadata]) };
}

/** Adds what is not known yet. Asks one after the other: the first failure is the call's, and nothing runs on behind it. */
export function* resolveValues(asked: Asked, sources: Sources, known: Said): Steps<Said> {
  return {
    actor: yield* firstAnswer(asked, sources.actor, known.actor),
    revisionDescription: yield* firstAnswer(asked, sources.description, known.revisionDescription),
    metadata: yield* mergedAnswers(asked, sources.metadata, known.metadata),
  };
}

/** The values of a call's frame. An actor that nobody names is the enclosing frame's, and the system without one. */
export function frameValues({ actor, ...others }: Said): RevisionValues {
  return { ...others, actor: actor === undefined ? (RevisionContext.get('actor') ?? null) : actor };
}

function* firstAnswer<Value>(
  asked: Asked,
  sources: readonly Source<Value>[],
  known: Value | undefined,
): Steps<Value | undefined> {
  let answer = known;
  for (const source of sources) {
    if (answer !== undefined) break;
    answer = yield* answerOf(asked, source);
  }
  return answer;
}

function* mergedAnswers<Value extends object>(
  asked: Asked,
  sources: readonly Source<Value>[],
  known: Value | undefined,
): Steps<Value | undefined> {
  let merged = known;
  for (const source of sources) {
    const answer: Value | undefined = yield* answerOf(asked, source);
    merged = merged && answer ? { ...answer, ...merged } : (merged ?? answer);
  }
  return merged;
}

function* answerOf<Value>(asked: Asked, source: Source<Value>): Steps<Value | undefined> {
  if (typeof source !== 'function') return source;
  if (!isResolverClass(source)) return yield (source as Resolver<Value>)(asked.context);
  const resolver: RevisionResolver<Value> = yield asked.instanceOf(source);
  return yield resolver.resolve(asked.context);
}

/** A class has a method `resolve`; a function that resolves has none. */
function isResolverClass(source: object): source is Type<RevisionResolver<unknown>> {
  const { prototype } = source as { prototype?: Partial<RevisionResolver<unknown>> };
  return typeof prototype?.resolve === 'function';
}

function given<Value>(sources: readonly (Source<Value> | undefined)[]): Source<Value>[] {
  return sources.filter(source => source !== undefined);
}
