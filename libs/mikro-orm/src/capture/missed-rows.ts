import type { ChangeSet, EntityMetadata } from '@mikro-orm/core';

export type Row = Readonly<Record<string, unknown>>;

/** What the driver says of an update. */
export interface Updated {
  readonly affectedRows: number;
  readonly rows?: readonly Row[];
}

/** Updates that the driver sent in one statement, and how many rows it found. */
interface Batch {
  readonly payloads: readonly object[];
  readonly affectedRows: number;
  /** Payloads that gave their row another key, and found it. */
  readonly rekeyed: ReadonlyMap<object, boolean>;
}

/**
 * Rows that a flush wrote to and that were not there any more: another transaction has deleted them, or a rollback has
 * taken them back. Without a version property, MikroORM does not look.
 */
export class MissedRows {
  readonly #updates = new Map<object, Batch>();
  readonly #deletes = new Set<EntityMetadata>();

  /** @param keys those that the rows were looked for by; MikroORM passes them for several only */
  updated(
    meta: EntityMetadata,
    payloads: readonly Row[],
    { affectedRows, rows }: Updated,
    keys: readonly Row[] = [],
  ): void {
    if (affectedRows >= payloads.length) return;
    const batch = { payloads, affectedRows, rekeyed: rekeyedIn(meta, payloads, keys, rows ?? []) };
    for (const payload of payloads) this.#updates.set(payload, batch);
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
    const missed = batch.payloads.filter(one => !(batch.rekeyed.get(one) ?? meta.primaryKeys[0]! in one));
    return missed.length === batch.payloads.length - batch.affectedRows && missed.includes(payload);
  }

  /** Whether any row of the class, or of one that it shares its table with, was not there to be deleted. */
  hasMissedDeletes(root: EntityMetadata): boolean {
    return this.#deletes.has(root);
  }
}

function rekeyedIn(
  meta: EntityMetadata,
  payloads: readonly Row[],
  keys: readonly Row[],
  rows: readonly Row[],
): Map<object, boolean> {
  const props = meta.getPrimaryProps();
  const columns = props.flatMap(prop => prop.fieldNames);
  const found = new Set(rows.map(row => keyOf(columns.map(column => row[column]))));
  const rekeyed = new Map<object, boolean>();
  for (const [index, payload] of payloads.entries()) {
    if (!props.some(prop => prop.name in payload)) continue;
    const now: Row = { ...keys[index], ...payload };
    rekeyed.set(payload, found.has(keyOf(props.map(prop => now[prop.name]))));
  }
  return rekeyed;
}

function keyOf(values: readonly unknown[]): string {
  return JSON.stringify(values.flat(Infinity).map(String));
}
