/** A part of a transaction, which is kept or undone as a whole. */
export interface Stretch {
  readonly isKept: boolean;
  readonly isUndone: boolean;
}

/**
 * Entities whose copy of their row may be wrong. MikroORM 7.2 leaves what a rolled-back flush wrote in the memory of the
 * entity manager (and in that of a nested transaction's parent), and does not tell it what a native call wrote: if it
 * goes on with them, what it takes for the old values may never have been in the table, or not be there any more.
 *
 * There is no way back, because nothing tells when an entity is read anew; a doubt costs one query for each flush.
 */
export class Doubts {
  readonly #written = new WeakMap<object, readonly Stretch[]>();
  readonly #outdated = new WeakSet();

  has(entity: object): boolean {
    return this.#outdated.has(entity) || Boolean(this.#written.get(entity)?.some(stretch => stretch.isUndone));
  }

  /** Remembers in which part of a transaction an entity was written, which is in doubt if that part is undone. */
  wrote(entity: object, stretch: Stretch): void {
    const open = (this.#written.get(entity) ?? []).filter(earlier => !earlier.isKept);
    if (open.at(-1) !== stretch) this.#written.set(entity, [...open, stretch]);
  }

  /** Its row was written past the entity manager. */
  outdated(entity: object): void {
    this.#outdated.add(entity);
  }
}
