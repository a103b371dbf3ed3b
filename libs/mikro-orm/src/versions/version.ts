import type { Actor } from '../context/actor.js';
import type { ObjectAction } from '../model/action.js';
import type { Revision } from '../model/revision.entity.js';

/** What the versions of one object have in common: where more of it can be read. */
export interface VersionSource<T extends object> {
  actor(version: Version<T>): Promise<Actor | undefined>;
  state(version: Version<T>): Promise<T | null>;
  neighbour(version: Version<T>, side: 'previous' | 'next'): Promise<Version<T> | null>;
}

/** What is stored of a version, and how long it was valid; its revision is an entity only where it is asked for. */
export type VersionData = Pick<
  Version<object>,
  'number' | 'action' | 'actorType' | 'actorId' | 'description' | 'validFrom' | 'validUntil' | 'changed'
> & { readonly revision: () => Revision };

/** One of the states that an object has had, and how it came to be. */
export class Version<T extends object> {
  /** From 1; it goes on where earlier versions have been removed from the history. */
  readonly number: number;
  /** What made it: the object was created, updated or deleted. */
  readonly action: ObjectAction;
  /** Whether it is the object's deletion, so that it has no state. */
  readonly isDeleted: boolean;
  /** Stored type of the actor of the object delta, `'system'` for a named system, `null` for the system. */
  readonly actorType: string | null;
  /** Key of that actor, or the name of a named system. */
  readonly actorId: string | null;
  /** Why: the `objectDeltaDescription`, else the revision's description. */
  readonly description: string | null;
  /** When it was recorded, by the database's clock; never before the version before it. */
  readonly validFrom: Date;
  /** The very instant from which on the next version is valid; `null` for the last one. */
  readonly validUntil: Date | null;
  /** Names of the attributes that it changed; an embeddable is one attribute. */
  readonly changed: string[];
  readonly #makeRevision: () => Revision;
  #revision: Revision | undefined;
  readonly #source: VersionSource<T>;

  constructor(data: VersionData, source: VersionSource<T>) {
    this.number = data.number;
    this.action = data.action;
    this.isDeleted = data.action === 'delete';
    this.#makeRevision = data.revision;
    this.actorType = data.actorType;
    this.actorId = data.actorId;
    this.description = data.description;
    this.validFrom = data.validFrom;
    this.validUntil = data.validUntil;
    this.changed = data.changed;
    this.#source = source;
  }

  /** The revision that made it. */
  get revision(): Revision {
    return (this.#revision ??= this.#makeRevision());
  }

  /**
   * Who made it: an entity, a {@link SystemActor}, `null` for the system, or `undefined` for an entity that is not there
   * any more. Asking many versions at once (`Promise.all`) takes one SELECT for each type of actor.
   */
  get actor(): Promise<Actor | undefined> {
    return this.#source.actor(this);
  }

  /**
   * The object as it was: detached, with typed values, as the entity of a {@link Snapshot}; `null` for a deletion.
   * Asking many versions at once (`Promise.all`) takes as many statements as asking two.
   */
  async state(): Promise<T | null> {
    return this.isDeleted ? null : this.#source.state(this);
  }

  /** The version before; `null` for the first one. One SELECT, or none if it was read together with this one. */
  previous(): Promise<Version<T> | null> {
    return this.#source.neighbour(this, 'previous');
  }

  /** The version after; `null` if there is none yet. One SELECT, or none if it was read together with this one. */
  next(): Promise<Version<T> | null> {
    return this.#source.neighbour(this, 'next');
  }
}
