import { Collection, helper } from '@mikro-orm/core';
import type { Actor } from '../context/actor.js';
import { UnloadedRevisionError } from '../revy.errors.js';
import { runtimeOf } from '../runtime.js';
import type { ObjectDelta } from './object-delta.entity.js';

/** The deltas of one transaction, with who made it and why. Read-only: Revy writes it. */
export class Revision {
  /** Ascending; given by the database. */
  id!: number;
  /** When it was recorded, by the database's clock: just before the transaction's COMMIT. */
  recordedAt!: Date;
  /** The context's `revisionDescription`. */
  description!: string | null;
  /** Stored type of the actor: an entity's alias or class name, `'system'` for a named system, `null` for the system. */
  actorType!: string | null;
  /** The actor's key as text, or the name of the system. */
  actorId!: string | null;
  /** The context's `metadata`. */
  metadata!: Record<string, unknown> | null;
  /** The database's id of the transaction (`pg_current_xact_id()`), to meet server logs and other audit trails. */
  transactionId!: string | null;
  /** Id of the revision that this one reverts. */
  reverts!: number | null;
  /** Everything that it changed. */
  objectDeltas = new Collection<ObjectDelta>(this);

  /**
   * Everyone who acted in this revision, without duplicates: entities, {@link SystemActor}s, and `null` for the system.
   *
   * An actor that has been deleted since is left out. Asking many revisions at once (`Promise.all`) is batched:
   * one statement for their deltas and one for each type of actor, however many revisions there are.
   *
   * @throws {UnloadedRevisionError} if the revision was not read from the database
   */
  get actors(): Promise<Actor[]> {
    const em = helper(this).__em;
    if (!em) throw new UnloadedRevisionError();
    return runtimeOf(em).loadActors(em, this);
  }
}
