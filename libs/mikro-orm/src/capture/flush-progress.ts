import { helper, type UnitOfWork } from '@mikro-orm/core';
import type { CapturedEntity, FlushCapture } from './flush-capture.js';

/** How far a flush that failed had come with what is tracked. */
export type FlushProgress = 'untouched' | 'halfway' | 'written';

/** Asked before MikroORM cleans up. A flush that wrote nothing that is tracked counts as untouched, or as written. */
export function progressOf({ uow, entities, collections }: FlushCapture): FlushProgress {
  const areSynced = collections === 'written' || uow.getCollectionUpdates().length === 0;
  // MikroORM 7.2 takes this mark away between the last SQL and afterFlush (UnitOfWork.js:488)
  const sets = uow.getChangeSets();
  const isCleared = sets.length === 0 && entities.size > 0;
  const isProcessed = !isCleared && sets.every(({ entity }) => !helper(entity).__processing);
  if (isProcessed && areSynced) return 'written';
  const isTouched = collections !== 'due' || [...entities.values()].some(captured => isWritten(captured, uow));
  return isTouched ? 'halfway' : 'untouched';
}

/** A row that was deleted is nothing to the unit of work any more. */
function isWritten({ entity, action, changeSets }: CapturedEntity, uow: UnitOfWork): boolean {
  if (action === 'delete') return uow.getIdentityMap().getByEntity(entity) !== entity;
  return changeSets.some(set => set.persisted);
}
