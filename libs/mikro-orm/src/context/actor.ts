import { Reference } from '@mikro-orm/core';
import { EmptyActorNameError } from '../revy.errors.js';

/** Who makes a change: an entity, a {@link SystemActor}, or `null` for the system as a whole. */
export type Actor = object | null;

// Registered globally: a second copy of this package must recognise the actors of the first.
const systemActor = Symbol.for('revy.SystemActor');

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
  constructor(readonly name: string) {
    if (name.trim() === '') {
      throw new EmptyActorNameError();
    }
  }

  get [systemActor](): true {
    return true;
  }

  /** Tells a named system from an entity, also across two copies of this package. */
  static is(value: unknown): value is SystemActor {
    return typeof value === 'object' && value !== null && systemActor in value;
  }
}

/** The actor itself where MikroORM handed out a `Reference` around it. */
export function unwrapActor(actor: Actor | undefined): Actor | undefined {
  return Reference.isReference(actor) ? (actor.unwrap() as object) : actor;
}
