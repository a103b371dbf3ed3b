import { helper, Utils } from '@mikro-orm/core';
import { type Actor, ActorRef, SystemActor } from '../context/actor.js';
import { SYSTEM_TYPE } from '../model/system-type.js';
import { UnusableActorError } from '../revy.errors.js';
import type { TrackedEntities } from './tracked-entities.js';

/** How an actor stands in the history. */
export interface StoredActor {
  readonly actorType: string | null;
  readonly actorId: string | null;
}

const THE_SYSTEM: StoredActor = { actorType: null, actorId: null };

/** Entities are stored by type and key. One created by the same flush has its key by the time that this is asked. */
export function storedActor(actor: Actor | undefined, entities: TrackedEntities | undefined): StoredActor {
  if (actor === null || actor === undefined) return THE_SYSTEM;
  if (SystemActor.is(actor)) return { actorType: SYSTEM_TYPE, actorId: actor.name };
  if (ActorRef.is(actor)) return { actorType: actor.type, actorId: actor.id };
  const entity = Utils.isEntity(actor) ? entities?.find(helper(actor).__meta.class) : undefined;
  if (!entity) throw new UnusableActorError(actor.constructor?.name ?? 'an object', 'not an entity');
  if (!entity.hasKey(actor)) throw new UnusableActorError(entity.meta.className, 'no key');
  return { actorType: entity.typeOf(actor), actorId: entity.objectId(actor) };
}
