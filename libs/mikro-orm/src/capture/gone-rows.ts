import { type Dictionary, type EntityManager, type EntityMetadata, Utils } from '@mikro-orm/core';
import { flatKey } from '../model/stored-key.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import { type CapturedEntity, placeIn } from './flush-capture.js';

/** What the driver answers to a statement that writes. */
interface Written {
  readonly affectedRows: number;
  /** Returned rows, by column name. */
  readonly rows?: readonly Dictionary[];
}

/** A statement of the unit of work, as it reaches the driver. */
export interface FlushStatement {
  readonly meta: EntityMetadata;
  readonly ctx: object | undefined;
  /** The schema that it writes to. */
  readonly schema: string | undefined;
}

/**
 * Rows that a flush writes and that are not there any more: another transaction has deleted them, or something that
 * went past the unit of work. MikroORM 7.2 takes them for written, unless it looks after their version.
 *
 * An update says how many rows it found, and one of several rows returns their keys anyway. A deletion of several rows
 * is made to return them, so that nothing has to be asked twice.
 */
export class GoneRows {
  readonly #missed = new WeakSet<object>();
  readonly #doomed = new WeakMap<object, Map<string, CapturedEntity>>();

  constructor(private readonly entities: TrackedEntities) {}

  /** Announces a deletion, whose statement is yet to come. */
  expectDeletion(em: EntityManager, captured: CapturedEntity): void {
    const ctx = em.getTransactionContext() as object | undefined;
    if (!ctx) return;
    const doomed = this.#doomed.get(ctx) ?? new Map<string, CapturedEntity>();
    this.#doomed.set(ctx, doomed);
    doomed.set(captured.place + captured.objectId!, captured);
  }

  /** Whether the statement that wrote this payload found no row to write it to. */
  isMissed(payload: object): boolean {
    return this.#missed.has(payload);
  }

  /** After an update of one row; without columns to set, nothing was sent. */
  updated(data: object, { affectedRows }: Written): void {
    if (affectedRows === 0 && Object.keys(data).length > 0) this.#missed.add(data);
  }

  /** After an update of several rows. */
  updatedMany(
    meta: EntityMetadata,
    where: readonly Dictionary[],
    data: readonly Dictionary[],
    { rows }: Written,
  ): void {
    if (!rows || rows.length >= data.length) return;
    const keys = data.map((payload, index) =>
      meta.primaryKeys.map(name => (payload[name] ?? where[index]![name]) as unknown),
    );
    const gone = this.#goneAmong(meta, keys, rows);
    for (const [index, payload] of data.entries())
      if (gone.has(this.#idOf(meta, keys[index]!))) this.#missed.add(payload);
  }

  /**
   * Runs a deletion.
   *
   * @param returning does it so that the keys of the deleted rows come back
   */
  async delete<Result extends Written>(
    { meta, ctx, schema }: FlushStatement,
    where: unknown,
    proceed: () => Promise<Result>,
    returning: () => Promise<Result>,
  ): Promise<Result> {
    const keys = keysIn(meta, where);
    const place = placeIn(meta, schema);
    const expected = this.#takeExpected(
      ctx,
      keys.map(key => place + this.#idOf(meta, key)),
    );
    if (expected.length === 0) return proceed();
    const result = await (keys.length === 1 ? proceed() : returning());
    const { affectedRows, rows = [] } = result;
    if (affectedRows === keys.length || rows.length !== (keys.length === 1 ? 0 : affectedRows)) return result;
    const gone = this.#goneAmong(meta, keys, rows);
    for (const captured of expected) captured.isGone = gone.has(captured.objectId!);
    return result;
  }

  #takeExpected(ctx: object | undefined, identities: readonly string[]): CapturedEntity[] {
    const doomed = ctx && this.#doomed.get(ctx);
    if (!doomed?.size) return [];
    return identities.flatMap(identity => {
      const captured = doomed.get(identity);
      doomed.delete(identity);
      return captured ?? [];
    });
  }

  /** None, where the keys that came back cannot be recognised. */
  #goneAmong(meta: EntityMetadata, keys: readonly unknown[], rows: readonly Dictionary[]): ReadonlySet<string> {
    const columns = meta.getPrimaryProps().flatMap(prop => prop.fieldNames);
    const found = new Set(
      rows.map(row =>
        this.#idOf(
          meta,
          columns.map(name => row[name] as unknown),
        ),
      ),
    );
    const gone = keys.map(key => this.#idOf(meta, key)).filter(id => !found.has(id));
    return new Set(gone.length === keys.length - rows.length ? gone : []);
  }

  #idOf({ class: of }: EntityMetadata, key: unknown): string {
    return this.entities.find(of)?.objectIdOfKey(flatKey(key)) ?? '';
  }
}

/** The keys of a deletion by key, which is how the unit of work deletes. */
function keysIn(meta: EntityMetadata, where: unknown): readonly unknown[] {
  const condition = Utils.isPlainObject<Dictionary>(where)
    ? where[Utils.getPrimaryKeyHash(meta.primaryKeys)]
    : undefined;
  const keys = (condition as { $in?: unknown } | undefined)?.$in;
  return Array.isArray(keys) ? keys : [];
}
