/**
 * Entities whose copies in an entity manager are older than a native call that the same entity manager has made: what
 * a flush of theirs overwrites is read from the row. One for each ORM.
 */
export class OutdatedEntities {
  readonly #entities = new WeakSet<object>();

  add(entity: object): void {
    this.#entities.add(entity);
  }

  has(entity: object): boolean {
    return this.#entities.has(entity);
  }
}
