import { type AttributedEntity, type AttributionStep, records } from './attribution-state.js';
import { restartWatches, settleAll } from './attribution-watch.js';

export { adoptNewEntity } from './attribution-adopt.js';
export { installAttribution } from './attribution-install.js';
export type { AttributionStep } from './attribution-state.js';

/**
 * Who took each property to its present value, in order: the properties that frames have changed since the last
 * {@link clearAttribution}. Looks for mutations in place first, so ask before the flush changes anything.
 */
export function attributionSteps(entity: object): ReadonlyMap<string, readonly AttributionStep[]> | undefined {
  const record = records.get(entity);
  if (!record) {
    return undefined;
  }
  settleAll(entity as AttributedEntity, record);
  return record.steps.size > 0 ? record.steps : undefined;
}

/** Starts over, once the entity's changes are recorded. Steps that were handed out stay as they are. */
export function clearAttribution(entity: object): void {
  const record = records.get(entity);
  if (!record) {
    return;
  }
  restartWatches(entity as AttributedEntity, record);
  if (record.watches.size === 0) {
    records.delete(entity);
  } else {
    records.set(entity, { steps: new Map(), watches: record.watches });
  }
}
