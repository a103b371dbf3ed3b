import type { Attribution } from '../context/attribution-value.js';
import type { Frame } from '../context/frame.js';
import { currentFrame } from '../context/frame-store.js';
import { isAtBaseline, takeBaseline, valueOfBaseline } from './attribution-baseline.js';
import {
  type AttributedEntity,
  type EntityRecord,
  type InstalledProperty,
  isReadByFlush,
  properties,
  recordOf,
  records,
  type Watch,
} from './attribution-state.js';
import { addStep, attributionIn, forgetProperty } from './attribution-step.js';
import { watchedBy } from './attribution-watched.js';

/** Called by the accessors of mutable properties: who reads a value may mutate it in place. */
export function noticeRead(entity: AttributedEntity, property: InstalledProperty, value: unknown): void {
  const { hydrator, __processing: isProcessing } = entity.__helper;
  if (hydrator.isRunning()) {
    // The hydrator fills embeddables in place.
    forgetProperty(entity, property.name);
    return;
  }
  const frame = currentFrame();
  if ((frame || records.has(entity)) && !isProcessing && !isReadByFlush(entity)) {
    watch(entity, property, value, frame);
  }
}

function watch(entity: AttributedEntity, property: InstalledProperty, value: unknown, frame: Frame | undefined): void {
  const attribution = attributionIn(frame);
  const existing = records.get(entity)?.watches.get(property.name);
  if (existing) {
    takeOver(entity, property, existing, { frame, attribution });
  } else if (attribution || records.get(entity)?.steps.has(property.name)) {
    const baseline = takeBaseline(entity, property, value);
    recordOf(entity).watches.set(property.name, { baseline, watchers: [{ frame, attribution }] });
    remember(entity, frame);
  }
}

/** What changed so far belongs to the reader before; the new reader comes last, and is at home there only once. */
function takeOver(
  entity: AttributedEntity,
  property: InstalledProperty,
  existing: Watch,
  reader: { readonly frame: Frame | undefined; readonly attribution: Attribution | undefined },
): void {
  const last = existing.watchers.at(-1);
  if (last?.frame === reader.frame && last?.attribution === reader.attribution) {
    return;
  }
  settle(entity, property, property.read(entity));
  existing.watchers = [...existing.watchers.filter(({ frame }) => frame !== reader.frame), reader];
  remember(entity, reader.frame);
}

function remember(entity: AttributedEntity, frame: Frame | undefined): void {
  if (frame && !frame.hasEnded) {
    watchedBy(frame, leaveEach).add(entity);
  }
}

/** Credits what changed in place since the baseline to the last reader, and moves the baseline. */
export function settle(entity: AttributedEntity, property: InstalledProperty, value: unknown): void {
  const record = records.get(entity);
  const existing = record?.watches.get(property.name);
  if (!record || !existing || isAtBaseline(entity, property, value, existing.baseline)) {
    return;
  }
  const { baseline } = existing;
  existing.baseline = takeBaseline(entity, property, value);
  const attribution = existing.watchers.at(-1)?.attribution;
  addStep(record, property.name, attribution, () => valueOfBaseline(entity, property, baseline));
}

/** Settles every watched property of an entity. */
export function settleAll(entity: AttributedEntity, record: EntityRecord): void {
  for (const property of watchedProperties(entity, record)) {
    settle(entity, property, property.read(entity));
  }
}

/** Starts over from the present values, for readers that may still hold them. */
export function restartWatches(entity: AttributedEntity, record: EntityRecord): void {
  for (const property of watchedProperties(entity, record)) {
    const existing = record.watches.get(property.name)!;
    if (existing.watchers.length === 0) {
      record.watches.delete(property.name);
    } else {
      existing.baseline = takeBaseline(entity, property, property.read(entity));
    }
  }
}

function watchedProperties(entity: AttributedEntity, record: EntityRecord): readonly InstalledProperty[] {
  if (record.watches.size === 0) return [];
  const installed = properties.get(entity.__meta.prototype as object) ?? [];
  return installed.filter(({ name }) => record.watches.has(name));
}

function leaveEach(frame: Frame, entities: Iterable<object>): void {
  for (const entity of entities) {
    const record = records.get(entity);
    if (record) {
      leave(entity as AttributedEntity, record, frame);
    }
  }
}

function leave(entity: AttributedEntity, record: EntityRecord, frame: Frame): void {
  for (const property of watchedProperties(entity, record)) {
    const existing = record.watches.get(property.name)!;
    if (existing.watchers.at(-1)?.frame === frame) {
      settle(entity, property, property.read(entity));
    }
    existing.watchers = existing.watchers.filter(watcher => watcher.frame !== frame);
    // With steps the baseline stays: a change made after the frame must not be credited to it.
    if (existing.watchers.length === 0 && !record.steps.has(property.name)) {
      record.watches.delete(property.name);
    }
  }
  if (record.watches.size === 0 && record.steps.size === 0) {
    records.delete(entity);
  }
}
