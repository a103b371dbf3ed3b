import { Reference } from '@mikro-orm/core';
import { EmptyActorNameError } from '../revy.errors.js';

/** Who makes a change: an entity, a {@link SystemActor}, an {@link ActorRef}, or `null` for the system as a whole. */
export type Actor = object | null;

// Registered globally: a second copy of this package must recognise the actors of the first.
const systemActor = Symbol.for('revy.SystemActor');
const actorRef = Symbol.for('revy.ActorRef');

/**
 * A part of the system that changes things on nobody's behalf, under a name of its own.
 *
 * ```ts
 * await RevisionContext.run({ actor: new SystemActor('importer') }, () => importOrders(em));
 * ```
 */
export class SystemActor {
  /**
   * @param name what is stored as the actor's id, so keep it stable
   * @throws {EmptyActorNameError} if the name is empty or blank
   */
  constructor(
    /** Stored as the actor's id. */
    readonly name: string,
  ) {
    if (name.trim() === '') {
      throw new EmptyActorNameError();
    }
  }

  /** Tells it from an entity: see {@link SystemActor.is}. */
  get [systemActor](): true {
    return true;
  }

  /** Tells a named system from an entity, also across two copies of this package. */
  static is(value: unknown): value is SystemActor {
    return typeof value === 'object' && value !== null && systemActor in value;
  }
}

/**
 * An actor by what the history stores of it, where its entity is not at hand: who caused a job, in the worker's process.
 *
 * `em.findOne(User, ref.id)` loads the entity, where the job needs it.
 */
export class ActorRef {
  /**
   * @param type stored type of the actor: the class name, or the alias that the class is tracked as
   * @param id its key as the history stores it, see `ObjectDelta.objectId`
   */
  constructor(
    /** Its stored type. */
    readonly type: string,
    /** Its key as text. */
    readonly id: string,
  ) {}

  /** Tells it from an entity: see {@link ActorRef.is}. */
  get [actorRef](): true {
    return true;
  }

  /** Tells a reference to an actor from an entity, also across two copies of this package. */
  static is(value: unknown): value is ActorRef {
    return typeof value === 'object' && value !== null && actorRef in value;
  }
}

/** The actor itself where MikroORM handed out a `Reference` around it. */
export function unwrapActor(actor: Actor | undefined): Actor | undefined {
  return Reference.isReference(actor) ? (actor.unwrap() as object) : actor;
}
