import type { ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import { type Actor, RevisionContext, type RevisionValues } from '@revy/mikro-orm';
import { ActorMark } from './revision-actor.decorator.js';
import { DescriptionMark } from './revision-description.decorator.js';
import { MetadataMark } from './revision-metadata.decorator.js';
import type { RevyModuleOptions } from './revy.module-options.js';

type Resolver<Value> = (context: ExecutionContext) => Value | undefined | Promise<Value | undefined>;

/** Who can say something about a call, most specific first. */
export interface Sources {
  readonly actor: readonly Resolver<Actor>[];
  readonly description: readonly Resolver<string | null>[];
  readonly metadata: readonly Resolver<Record<string, unknown>>[];
}

/** What they said. A key that nobody said anything about is `undefined`. */
export type Said = Pick<RevisionValues, 'actor' | 'revisionDescription' | 'metadata'>;

/** The decorators of the handler, then those of its class. */
export function decoratedSources(reflector: Reflector, context: ExecutionContext): Sources {
  const places = [context.getHandler(), context.getClass()];
  return {
    actor: resolvers(places.map(place => reflector.get(ActorMark, place))),
    description: resolvers(places.map(place => reflector.get(DescriptionMark, place))),
    metadata: resolvers(places.map(place => reflector.get(MetadataMark, place))),
  };
}

/** The options of one module. */
export function moduleSources({ actor, description, metadata }: RevyModuleOptions): Sources {
  return { actor: resolvers([actor]), description: resolvers([description]), metadata: resolvers([metadata]) };
}

/** Adds what is not known yet. Asks one after the other: the first failure is the call's, and nothing runs on behind it. */
export async function resolveValues(context: ExecutionContext, sources: Sources, known: Said): Promise<Said> {
  return {
    actor: await firstAnswer(context, sources.actor, known.actor),
    revisionDescription: await firstAnswer(context, sources.description, known.revisionDescription),
    metadata: await mergedAnswers(context, sources.metadata, known.metadata),
  };
}

/** The values of a call's frame. An actor that nobody names is the enclosing frame's, and the system without one. */
export function frameValues({ actor, ...others }: Said): RevisionValues {
  return { ...others, actor: actor === undefined ? (RevisionContext.get('actor') ?? null) : actor };
}

async function firstAnswer<Value>(
  context: ExecutionContext,
  sources: readonly Resolver<Value>[],
  known: Value | undefined,
): Promise<Value | undefined> {
  let answer = known;
  for (const source of sources) {
    if (answer !== undefined) break;
    answer = await source(context);
  }
  return answer;
}

async function mergedAnswers<Value extends object>(
  context: ExecutionContext,
  sources: readonly Resolver<Value>[],
  known: Value | undefined,
): Promise<Value | undefined> {
  let merged = known;
  for (const source of sources) {
    const answer = await source(context);
    merged = merged && answer ? { ...answer, ...merged } : (merged ?? answer);
  }
  return merged;
}

function resolvers<Value>(sources: readonly (Value | Resolver<Value> | undefined)[]): Resolver<Value>[] {
  return sources
    .filter(source => source !== undefined)
    .map(source => (typeof source === 'function' ? (source as Resolver<Value>) : () => source as Value));
}
