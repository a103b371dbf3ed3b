import type { EntityManager, EntityMetadata } from '@mikro-orm/core';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import type { CascadeChanges } from './cascade-changes.js';
import { carryOut } from './carry-out.js';
import { type DeletionChanges, deletionChanges } from './deletion-changes.js';
import type { DeletionOrder } from './deletion-order.js';
import type { ForeignKeyGraph } from './foreign-key-graph.js';
import { NewForeignKeys } from './new-foreign-keys.js';
import { planDeletion } from './plan-deletion.js';
import type { EdgesByTarget } from './relevant-edges.js';
import { RowReader } from './rows.query.js';
import { memoryUpdate } from './memory-update.js';

/** Rows that are about to be deleted: of one class, or of one table that classes share, in one schema. */
export interface DoomedRows {
  readonly meta: EntityMetadata;
  /** Column values of their keys. */
  readonly keys: readonly (readonly unknown[])[];
  readonly schema: string | undefined;
}

export interface CascadeTools {
  readonly em: EntityManager;
  readonly entities: TrackedEntities;
  readonly graph: ForeignKeyGraph;
  readonly order: DeletionOrder;
  /** The foreign keys to follow. */
  readonly edges: EdgesByTarget;
  /** The entity manager and those that it shares entities with. */
  readonly sharing: readonly EntityManager[];
}

/** How to record what is taken along; where nothing is recorded, handlers still do their work. */
export interface DeletionRecording {
  readonly changes: CascadeChanges;
  /** Whether the flush deletes a row by itself. */
  readonly isOwn: (identity: string) => boolean;
}

/** What a deletion takes along. */
export interface TakenAlong {
  readonly changes: DeletionChanges | undefined;
  readonly tellMemory: () => readonly object[];
}

/**
 * Reads what a deletion takes along, right before it happens, and carries out what handlers say. The rows are locked
 * first, so that until the deletion nobody lets a new row refer to them; what is read is locked as the deletion will.
 */
export async function takeAlong(
  { meta, keys, schema }: DoomedRows,
  { em, entities, graph, order, edges, sharing }: CascadeTools,
  recording: DeletionRecording | undefined,
): Promise<TakenAlong> {
  const reader = new RowReader(em, graph, entities, { isRecording: recording !== undefined, schema });
  const plan = await planDeletion(await reader.byKey(meta, keys, 'delete'), edges, reader);
  const values = new NewForeignKeys(em);
  await values.resolve(plan.changed.map(row => row.edge));
  const changes = recording && (await deletionChanges(plan, values, reader, recording));
  const tellMemory = memoryUpdate(plan, values, reader, sharing);
  await carryOut(plan, values, reader, order);
  return { changes, tellMemory };
}
