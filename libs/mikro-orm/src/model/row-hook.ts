import type { EntityManager } from '@mikro-orm/core';
import type { RevisionValues } from '../context/frame-values.js';
import type { HistoryClasses } from './history-classes.js';
import type { AddedColumns } from './history-tables.js';
import type { ObjectDelta } from './object-delta.entity.js';
import type { Revision } from './revision.entity.js';

/** What a hook gets beside the row that it may fill. */
export interface HookContext {
  /** Reads and makes references in the transaction that is about to be committed; its identity map is empty. */
  readonly em: EntityManager;
  /** What the context says where the transaction commits. */
  readonly values: Readonly<RevisionValues>;
}

/** What an application adds to the rows of the history, and how. */
export interface RowAdditions {
  readonly classes: HistoryClasses;
  readonly columns: AddedColumns;
  readonly onRevision: RevisionHook | undefined;
  readonly onObjectDelta: ObjectDeltaHook | undefined;
}

/** Fills a revision before it is written. */
export type RevisionHook<R extends Revision = Revision> = (revision: R, context: HookContext) => void | Promise<void>;

/** Fills an object delta before it is written; `revision` is the one that it belongs to, if that is new. */
export type ObjectDeltaHook<D extends ObjectDelta = ObjectDelta> = (
  delta: D,
  context: HookContext,
) => void | Promise<void>;
