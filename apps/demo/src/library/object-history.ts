import type { EntityManager } from '@mikro-orm/postgresql';
import { AttributeDelta } from '@revy/mikro-orm';
import { nameActors } from '../people/actor-names.js';

/** What one revision did to one object. */
export interface HistoryEntry {
  readonly revision: number;
  readonly action: 'create' | 'update' | 'delete';
  readonly recordedAt: Date;
  /** Why, and what the replay noted beside it, such as the commit's id and time. */
  readonly description: string | null;
  readonly metadata: Record<string, unknown> | null;
  readonly changes: readonly HistoryChange[];
}

export interface HistoryChange {
  readonly attribute: string;
  readonly from: unknown;
  readonly to: unknown;
  readonly who: string;
  readonly why: string | null;
}

/** The history of one object, oldest first: the attribute deltas of the object, gathered by revision. */
export async function readHistory(em: EntityManager, objectType: string, objectId: number): Promise<HistoryEntry[]> {
  const deltas = await em.find(
    AttributeDelta,
    { objectType, objectId: String(objectId) },
    { populate: ['objectDelta', 'revision'], orderBy: { objectDelta: 'asc', attribute: 'asc', position: 'asc' } },
  );
  const nameOf = await nameActors(em, deltas);
  const entries = new Map<number, HistoryEntry & { changes: HistoryChange[] }>();
  for (const delta of deltas) {
    const { objectDelta, revision, attribute, oldValue, newValue, description } = delta;
    let entry = entries.get(objectDelta.id);
    if (!entry) {
      const { id, recordedAt, metadata } = revision;
      const why = revision.description;
      entry = { revision: id, action: objectDelta.action, recordedAt, description: why, metadata, changes: [] };
      entries.set(objectDelta.id, entry);
    }
    entry.changes.push({ attribute, from: oldValue, to: newValue, who: nameOf(delta), why: description });
  }
  return [...entries.values()];
}
