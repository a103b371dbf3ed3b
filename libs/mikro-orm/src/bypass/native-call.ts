import type { EntityManager, EntityMetadata } from '@mikro-orm/core';
import type { Change } from '../capture/change.js';
import type { Attribution } from '../context/attribution-value.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import type { RowKey } from './row-key.js';
import type { NativeOptions, NativeResult, SqlDriver, TransactionContext } from './sql-driver.js';

/** The methods of the entity manager that write past the unit of work. */
export type NativeMethod =
  'insert' | 'insertMany' | 'nativeUpdate' | 'nativeDelete' | 'upsert' | 'upsertMany' | 'clone';

/**
 * Travels in the options of a native call from the entity manager to the driver: MikroORM 7.2 spreads them on the way,
 * and the unit of work, which calls the same methods of the driver, has no reason to carry it.
 */
export const NATIVE_CALL = Symbol('revy.nativeCall');

/** A native call that is to be recorded, or whose rows handlers have to look after. */
export interface NativeCall {
  readonly em: EntityManager;
  readonly method: NativeMethod;
  /** Who made it; `undefined` where nothing is to be recorded. */
  readonly attribution: Attribution | undefined;
}

/** One call of the driver, with the transaction that it happens in. */
export interface DriverRun {
  readonly call: NativeCall;
  readonly driver: SqlDriver;
  readonly entities: TrackedEntities;
  readonly dependants: Dependants;
  readonly meta: EntityMetadata;
  /** Handlers do their work without one, too. */
  readonly ctx: TransactionContext | undefined;
  readonly options: NativeOptions;
  /** Whether rows are written by now; a statement of the database that fails writes none. */
  hasWritten: boolean;
  /** What the ORM itself would have done. */
  proceed(instead?: { readonly where?: unknown; readonly data?: unknown }): Promise<NativeResult>;
}

/** One that is recorded. */
export interface NativeRun extends DriverRun {
  readonly attribution: Attribution;
  /** Of the rows that the call itself writes. */
  readonly record: (changes: readonly Change[]) => Promise<void>;
  /** Of what goes along with them. */
  readonly recordAlong: (changes: readonly Change[]) => Promise<void>;
}

/** Rows of one class that a native call is about to delete, or to give other keys. They are locked already. */
export interface NativeRows {
  readonly em: EntityManager;
  readonly ctx: TransactionContext | undefined;
  readonly meta: EntityMetadata;
  readonly keys: readonly RowKey[];
  readonly schema: string | undefined;
}

/** How to record what else a call changes. */
export interface NativeRecording {
  readonly attribution: Attribution;
  /** Of more rows than this, values are read and recorded in parts. */
  readonly mostRows: number;
  readonly record: (changes: readonly Change[]) => Promise<void>;
}

/** What goes along with rows that are about to be deleted. */
export interface GoneAlong {
  /** Links of the rows themselves, by object id: their deletion stores them. */
  readonly links: ReadonlyMap<string, Change['links']>;
  /** Whether anything of other rows was recorded. */
  readonly isRecorded: boolean;
  /** Carries out what handlers say; right before the rows go. */
  carryOut(): Promise<void>;
  /** What is to be recorded besides, once the rows are gone. */
  computed(): Promise<readonly Change[]>;
}

/** What becomes of rows that refer to changed keys. */
export interface FollowedChanges {
  /** Links of objects that end, which are told before those ends. */
  readonly linksOfEnded: readonly Change[];
  readonly changes: readonly Change[];
}

export const NOTHING_FOLLOWED: FollowedChanges = { linksOfEnded: [], changes: [] };

/** What the database's rules and the handlers do along with native calls: the seam to the cascades. */
export interface Dependants {
  /** Whether deleting rows of a class changes what is recorded in others. */
  takesAlong(meta: EntityMetadata): boolean;
  /** Whether handlers have work to do where rows of a class are deleted. */
  isHandled(meta: EntityMetadata): boolean;
  /** Whether new values of these properties change what is recorded in rows that refer to them. */
  followsKeys(meta: EntityMetadata, properties: readonly string[]): boolean;
  /** Asked before rows are deleted: reads and records what goes along. */
  beforeDelete(rows: NativeRows, recording: NativeRecording | undefined): Promise<GoneAlong>;
  /**
   * Asked before rows of a class that {@link followsKeys} are changed.
   *
   * @returns what tells the changes afterwards, from the keys that the rows have then, in the same order
   */
  beforeKeyChange(
    rows: NativeRows,
    properties: readonly string[],
    attribution: Attribution,
  ): Promise<(keysAfter: readonly RowKey[]) => Promise<FollowedChanges>>;
}

/** Rows that a run is about to change, as the cascades take them. */
export function nativeRows({ call, ctx, meta, options }: DriverRun, keys: readonly RowKey[]): NativeRows {
  return { em: call.em, ctx, meta, keys, schema: options.schema };
}

/** Rows read and recorded at a time; a call that changes no more needs one SELECT before and one after. */
export const MOST_ROWS = 10_000;

export function inChunks<Item>(items: readonly Item[]): Item[][] {
  const chunks: Item[][] = [];
  for (let start = 0; start < items.length; start += MOST_ROWS) chunks.push(items.slice(start, start + MOST_ROWS));
  return chunks;
}
