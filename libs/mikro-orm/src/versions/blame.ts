import type { Actor } from '../context/actor.js';
import type { AttributeName, AttributeValue } from '../history/attribute-name.js';
import type { Revision } from '../model/revision.entity.js';
import type { StoredActor } from '../tracking/stored-actor.js';

/** Who set the value of an attribute, when and why. */
export class AttributeBlame<Value> {
  /** The present value, or that of the point; of a deleted object the last one; `undefined` where it is masked or nobody knows it. */
  readonly value: Value | undefined;
  /** The revision that set it; `null` if it is older than the history, so that nobody knows who set it. */
  readonly revision: Revision | null;
  /** When it was set, by the database's clock; `null` if it is older than the history. */
  readonly recordedAt: Date | null;
  /** The version of the object that brought it; 0 if it is older than the history. */
  readonly version: number;
  /** Stored type of who set it, `'system'` for a named system; `null` for the system, and where nobody knows. */
  readonly actorType: string | null;
  /** Key of who set it, or the name of a named system. */
  readonly actorId: string | null;
  /** Why: the `attributeDeltaDescription`, else the object delta's description, else the revision's. */
  readonly description: string | null;
  readonly #loadActor: (actor: StoredActor) => Promise<Actor | undefined>;

  constructor(
    value: Value | undefined,
    setter: AttributeSetter | undefined,
    loadActor: (actor: StoredActor) => Promise<Actor | undefined>,
  ) {
    this.value = value;
    this.revision = setter?.revision ?? null;
    this.recordedAt = setter?.revision.recordedAt ?? null;
    this.version = setter?.version ?? 0;
    this.actorType = setter?.actorType ?? null;
    this.actorId = setter?.actorId ?? null;
    this.description = setter?.description ?? null;
    this.#loadActor = loadActor;
  }

  /**
   * Who set it: an entity, a {@link SystemActor}, `null` for the system, or `undefined` for an entity that is not there
   * any more and for a value that is older than the history. Asking many at once (`Promise.all`) takes one SELECT for
   * each type of actor.
   */
  get actor(): Promise<Actor | undefined> {
    return this.revision ? this.#loadActor(this) : Promise.resolve(undefined);
  }
}

/** What set the present value of an attribute. */
export interface AttributeSetter extends StoredActor {
  readonly revision: Revision;
  readonly version: number;
  readonly description: string | null;
}

/** Who set the present value of each recorded attribute. An embeddable is one attribute; collections are left out. */
export type Blame<T extends object> = {
  readonly [Name in AttributeName<T>]?: AttributeBlame<AttributeValue<T, Name>>;
};
