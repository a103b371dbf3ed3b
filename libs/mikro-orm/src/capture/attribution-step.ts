import { type Attribution, sameAttribution } from '../context/attribution-value.js';
import type { Frame } from '../context/frame.js';
import { type AttributedEntity, type EntityRecord, isSuspended, records } from './attribution-state.js';

/** What a change in this frame is credited to; `undefined` leaves it to whoever flushes. */
export function attributionIn(frame: Frame | undefined): Attribution | undefined {
  return frame && !frame.isDisabled ? frame.attribution : undefined;
}

/**
 * Credits a property's present value, and with it every further change, to an attribution.
 *
 * @param before the value that the step before left behind
 */
export function addStep(
  record: EntityRecord,
  property: string,
  attribution: Attribution | undefined,
  before: () => unknown,
): void {
  const steps = record.steps.get(property);
  const last = steps?.at(-1);
  if (!steps || !last) {
    if (attribution) {
      record.steps.set(property, [{ attribution }]);
    }
  } else if (!isSame(last.attribution, attribution)) {
    steps.splice(-1, 1, { attribution: last.attribution, value: before() }, { attribution });
  }
}

function isSame(a: Attribution | undefined, b: Attribution | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && sameAttribution(a, b));
}

/** A load or a refresh put another value in place: what was done to the one before is gone. */
export function forgetProperty(entity: AttributedEntity, property: string): void {
  const record = records.get(entity);
  // A flush hydrates what the database returned, over values whose steps are about to be recorded.
  if (record && !isSuspended(entity)) {
    record.steps.delete(property);
    record.watches.delete(property);
  }
}
