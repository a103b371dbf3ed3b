import type { EntityMetadata } from '@mikro-orm/core';
import type { Change } from '../capture/change.js';
import { carryOut } from './carry-out.js';
import type { CascadeChanges } from './cascade-changes.js';
import type { CascadeTools } from './cascade-map.js';
import { computedChanges } from './computed-changes.js';
import { deletionChanges, plannedLinks } from './deletion-changes.js';
import type { NamedRow } from './found-row.js';
import { type MemoryUpdate, memoryUpdate } from './memory-update.js';
import { NewForeignKeys } from './new-foreign-keys.js';
import { type DeletionPlan, type FollowedRows, planConsequences, planDeletion } from './plan-deletion.js';
import { RowReader } from './rows.query.js';

/** Rows that are about to be deleted, in one schema. */
export interface DoomedRows {
  /** The class, or the table that classes share, that the rows are found as. */
  readonly meta: EntityMetadata;
  /** The table that they are deleted from; in table-per-type inheritance, those above it keep their part. */
  readonly from: EntityMetadata;
  /** Column values of their keys. */
  readonly keys: readonly (readonly unknown[])[];
  readonly schema: string | undefined;
}

/** How to record what is taken along; where nothing is recorded, handlers still do their work. */
export interface DeletionRecording {
  readonly changes: CascadeChanges;
  /** Whether the rows' deleter deletes a row by itself, and tells of it. */
  readonly isOwn: (row: NamedRow) => boolean;
  /** Of more rows than this, values are read and recorded in parts. */
  readonly mostRows?: number;
  /** Takes the links of the deleter's own rows, which stand before their deletion and are stored with it. */
  readonly linksOfOwn: (changes: readonly Change[]) => void;
  /** Takes everything else, in several parts where it is much. */
  readonly others: (changes: readonly Change[]) => void | Promise<void>;
}

/** What goes along with a deletion has been read. */
export interface TakenAlong {
  /** Carries out what handlers say. */
  readonly carryOut: () => Promise<void>;
  /** What is to be recorded besides, once it has happened. */
  readonly computed: () => Promise<readonly Change[]>;
  /** For those who hold entities of it, once the deleter is done. */
  readonly memory: MemoryUpdate;
}

/**
 * Reads what a deletion takes along, right before it happens. The rows are locked first, so that until the deletion
 * nobody lets a new row refer to them; what is read is locked as the deletion will.
 */
export async function takeAlong(
  { meta, from, keys, schema }: DoomedRows,
  tools: CascadeTools,
  recording: DeletionRecording | undefined,
): Promise<TakenAlong> {
  const scope = { isRecording: recording !== undefined, schema, mostRows: recording?.mostRows };
  const reader = new RowReader(tools, scope);
  const plan = await planDeletion(await reader.byKey(meta, keys, 'delete'), from, tools.edges, reader);
  return follow(plan, reader, tools, recording);
}

/** The same for rows that the ORM is about to delete, or to unset, without an entity: these are part of what is recorded. */
export async function takeFollowed(
  followed: readonly FollowedRows[],
  reader: RowReader,
  tools: CascadeTools,
  recording: DeletionRecording | undefined,
): Promise<TakenAlong> {
  return follow(await planConsequences(followed, tools.edges, reader), reader, tools, recording);
}

async function follow(
  plan: DeletionPlan,
  reader: RowReader,
  tools: CascadeTools,
  recording: DeletionRecording | undefined,
): Promise<TakenAlong> {
  const values = new NewForeignKeys(tools);
  await values.resolve(plan.changed.map(row => row.edge));
  if (recording) await record(plan, values, reader, recording);
  return {
    carryOut: () => carryOut(plan, values, reader, tools.order),
    computed: async () => (recording ? computedChanges(plan.changed, reader, recording.changes) : []),
    memory: memoryUpdate(plan, values, reader, tools.sharing),
  };
}

async function record(
  plan: DeletionPlan,
  values: NewForeignKeys,
  reader: RowReader,
  recording: DeletionRecording,
): Promise<void> {
  const { ofOwn, ofStaying, ofGoing } = await plannedLinks(plan, reader, recording);
  recording.linksOfOwn(ofOwn);
  await recording.others(ofStaying);
  for await (const part of deletionChanges(plan, values, reader, ofGoing, recording)) await recording.others(part);
}
