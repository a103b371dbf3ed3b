import type { EntityManager, EntityMetadata } from '@mikro-orm/core';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import type { Change } from '../capture/change.js';
import { carryOut } from './carry-out.js';
import { computedChanges } from './computed-changes.js';
import { type DeletionChanges, deletionChanges, type DeletionRecording } from './deletion-changes.js';
import type { DeletionOrder } from './deletion-order.js';
import type { ForeignKeyGraph } from './foreign-key-graph.js';
import { NewForeignKeys } from './new-foreign-keys.js';
import { type DeletionPlan, type FollowedRows, planConsequences, planDeletion } from './plan-deletion.js';
import type { EdgesByTarget } from './relevant-edges.js';
import { type ReadScope, RowReader } from './rows.query.js';
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
}

/** What a deletion takes along. */
export interface TakenAlong {
  readonly changes: DeletionChanges | undefined;
  /** What is to be recorded besides, once it has happened. */
  readonly computed: () => Promise<readonly Change[]>;
  readonly tellMemory: () => void;
}

/**
 * Reads what a deletion takes along, right before it happens, and carries out what handlers say. The rows are locked
 * first, so that until the deletion nobody lets a new row refer to them; what is read is locked as the deletion will.
 */
export async function takeAlong(
  { meta, keys, schema }: DoomedRows,
  tools: CascadeTools,
  recording: DeletionRecording | undefined,
): Promise<TakenAlong> {
  const reader = readerOf(tools, { isRecording: recording !== undefined, schema });
  const plan = await planDeletion(await reader.byKey(meta, keys, 'delete'), tools.edges, reader);
  return perform(plan, reader, tools, recording);
}

/** The same for rows that the ORM is about to delete, or to unset, without an entity: these are part of what is recorded. */
export async function takeFollowed(
  followed: readonly FollowedRows[],
  reader: RowReader,
  tools: CascadeTools,
  recording: DeletionRecording | undefined,
): Promise<TakenAlong> {
  return perform(await planConsequences(followed, tools.edges, reader), reader, tools, recording);
}

export function readerOf({ em, graph, entities }: CascadeTools, scope: ReadScope): RowReader {
  return new RowReader(em, graph, entities, scope);
}

async function perform(
  plan: DeletionPlan,
  reader: RowReader,
  { em, order }: CascadeTools,
  recording: DeletionRecording | undefined,
): Promise<TakenAlong> {
  const values = new NewForeignKeys(em);
  await values.resolve(plan.changed.map(row => row.edge));
  const changes = recording && (await deletionChanges(plan, values, reader, recording));
  const tellMemory = memoryUpdate(plan, values, reader);
  await carryOut(plan, values, reader, order);
  const computed = async () => (recording ? computedChanges(plan.changed, reader, recording.changes) : []);
  return { changes, computed, tellMemory };
}
