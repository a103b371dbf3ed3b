import type { EntityManager, EntityMetadata } from '@mikro-orm/core';
import type { Change } from '../capture/change.js';
import type { OutdatedEntities } from '../capture/outdated-entities.js';
import type { Attribution } from '../context/attribution-value.js';
import type { TrackedEntities, TrackedEntity } from '../tracking/tracked-entities.js';
import type { NativeOptions, NativeResult, SqlDriver, TransactionContext } from './sql-driver.js';

/** The methods of the entity manager that write past the unit of work. */
export type NativeMethod =
  'insert' | 'insertMany' | 'nativeUpdate' | 'nativeDelete' | 'upsert' | 'upsertMany' | 'clone';

/**
 * Travels in the options of a native call from the entity manager to the driver: MikroORM 7.2 spreads them on the way,
 * and the unit of work, which calls the same methods of the driver, has no reason to carry it.
 */
export const NATIVE_CALL = Symbol('revy.nativeCall');

/** A native call that is to be recorded. */
export interface NativeCall {
  readonly em: EntityManager;
  readonly method: NativeMethod;
  /** Who made it. */
  readonly attribution: Attribution;
}

/** One call of the driver, with the transaction that it happens in. */
export interface NativeRun {
  readonly call: NativeCall;
  readonly driver: SqlDriver;
  readonly entities: TrackedEntities;
  readonly meta: EntityMetadata;
  readonly ctx: TransactionContext;
  readonly options: NativeOptions;
  /** What the ORM itself would have done. */
  proceed(instead?: { readonly where?: unknown; readonly data?: unknown }): Promise<NativeResult>;
  record(changes: readonly Change[]): Promise<void>;
  readonly beforeDelete: BeforeNativeDelete;
  readonly outdated: OutdatedEntities;
}

/** Rows of one class that a native delete is about to delete. */
export interface NativeDeletion {
  readonly em: EntityManager;
  readonly tracked: TrackedEntity;
  /** Column values in the database's form; one inner array for each row. */
  readonly keys: readonly (readonly unknown[])[];
  readonly ctx: TransactionContext;
  readonly attribution: Attribution;
}

/**
 * Asked before rows are deleted, which are locked by then, and answers with what else will change because of it: the
 * seam for cascades of the database. For a large delete it is asked several times.
 */
export type BeforeNativeDelete = (deletion: NativeDeletion) => Promise<readonly Change[]>;

/** Rows read and recorded at a time; a call that changes no more needs one SELECT before and one after. */
export const MOST_ROWS = 10_000;

export function inChunks<Item>(items: readonly Item[]): Item[][] {
  const chunks: Item[][] = [];
  for (let start = 0; start < items.length; start += MOST_ROWS) chunks.push(items.slice(start, start + MOST_ROWS));
  return chunks;
}
