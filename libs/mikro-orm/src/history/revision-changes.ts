import type { EntityManager } from '@mikro-orm/core';
import type { ObjectAction } from '../model/action.js';
import type { ObjectDelta } from '../model/object-delta.entity.js';
import type { Revision } from '../model/revision.entity.js';
import { findDeltas } from './find-history.js';

/** Everything that a revision changed: deltas by stored type and action, `changes.Post?.update`. */
export type RevisionChanges = Readonly<Record<string, Readonly<Partial<Record<ObjectAction, readonly ObjectDelta[]>>>>>;

/** One SELECT. */
export async function readChanges(em: EntityManager, revision: number | Revision): Promise<RevisionChanges> {
  const changes: Record<string, Partial<Record<ObjectAction, ObjectDelta[]>>> = {};
  for (const delta of await findDeltas(em, { revision })) {
    const ofType = (changes[delta.objectType] ??= {});
    (ofType[delta.action] ??= []).push(delta);
  }
  return changes;
}
