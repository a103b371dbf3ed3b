import type { ChangeSet, EntityMetadata } from '@mikro-orm/core';

/** Updates that the driver sent in one statement, and how many rows it found. */
interface Batch {
  readonly payloads: readonly object[];
  readonly affectedRows: number;
}

/**
 * Rows that a flush wrote to and that were not there any more: another transaction has deleted them, or a rollback has
 * taken them back. Without a version property, MikroORM does not look.
 */
export class MissedRows {
  readonly #updates = new Map<object, Batch>();
  readonly #deletes = new Set<EntityMetadata>();

  updated(payloads: readonly object[], affectedRows: number): void {
    if (affectedRows >= payloads.length) return;
    for (const payload of payloads) this.#updates.set(payload, { payloads, affectedRows });
  }

  /** @param root the class at the root of the hierarchy, whose table is deleted from */
  deleted(root: EntityMetadata, keys: number, affectedRows: number): void {
    if (affectedRows < keys) this.#deletes.add(root);
  }

  /** Whether an update found no row; asked once the ORM has merged what the database returned. */
  hasMissed({ payload, meta }: ChangeSet<object>): boolean {
    const batch = this.#updates.get(payload);
    if (!batch || batch.affectedRows === 0) return batch !== undefined;
    // MikroORM 7.2 merges the key of each row that a batch has updated into its data (ChangeSetPersister.js:212)
    const missed = batch.payloads.filter(one => !(meta.primaryKeys[0]! in one));
    return missed.length === batch.payloads.length - batch.affectedRows && missed.includes(payload);
  }

  /** Whether any row of the class, or of one that it shares its table with, was not there to be deleted. */
  hasMissedDeletes(root: EntityMetadata): boolean {
    return this.#deletes.has(root);
  }
}
