import type { EntityManager } from '@mikro-orm/core';
import { findLostParents } from './lost-parents.js';
import type { PlannedDrafts } from './planned-draft.js';
import { findReferring } from './referring-rows.js';
import { findTakenValues } from './taken-values.js';

/** What only other rows can tell: parents that are gone, unique values that are taken, rows that would lose theirs. */
export async function findObstacles(em: EntityManager, drafts: PlannedDrafts): Promise<void> {
  await findLostParents(em, drafts);
  await findTakenValues(em, drafts);
  await findReferring(em, drafts);
}
