import { Reference } from '@mikro-orm/core';
import type { Attribution } from '../context/attribution-value.js';
import { currentFrame } from '../context/frame-store.js';
import { takeBaseline } from './attribution-baseline.js';
import { type AttributedEntity, type InstalledProperty, isSuspended, recordOf, records } from './attribution-state.js';
import { addStep, attributionIn, forgetProperty } from './attribution-step.js';
import { settle } from './attribution-watch.js';

/** Called by the accessors with the value that goes and the value that comes. */
export function noticeAssignment(
  entity: AttributedEntity,
  property: InstalledProperty,
  before: unknown,
  after: unknown,
): void {
  if (entity.__helper.hydrator.isRunning()) {
    forgetProperty(entity, property.name);
    return;
  }
  const attribution = attributionIn(currentFrame());
  // Outside every frame, only what a frame has touched before is worth a look.
  if ((attribution || records.has(entity)) && !isSame(before, after) && !isSuspended(entity)) {
    recordAssignment(entity, property, attribution, before);
  }
}

function isSame(before: unknown, after: unknown): boolean {
  return (
    Object.is(before, after) ||
    Object.is(Reference.unwrapReference(before as object), Reference.unwrapReference(after as object))
  );
}

function recordAssignment(
  entity: AttributedEntity,
  property: InstalledProperty,
  attribution: Attribution | undefined,
  before: unknown,
): void {
  // What was mutated in place before it is replaced belongs to whoever looked at it.
  settle(entity, property, before);
  const record = recordOf(entity);
  record.watches.delete(property.name);
  addStep(record, property.name, attribution, () =>
    property.isMutable ? takeBaseline(entity, property, before) : before,
  );
}
