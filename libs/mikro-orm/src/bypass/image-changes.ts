import type { Change } from '../capture/change.js';
import type { NativeRun } from './native-call.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { RowImage, RowImages } from './row-images.js';

const NO_STEPS: Change['steps'] = new Map();

export function created(run: NativeRun, image: RowImage): Change {
  return { ...described(run, image), action: 'create', before: {}, after: image.values };
}

/** @param links that go with it */
export function deleted(run: NativeRun, image: RowImage, links: Change['links'] = {}): Change {
  return { ...described(run, image), action: 'delete', before: image.values, after: {}, links };
}

export function updated(run: NativeRun, before: RowImage, after: RowImage): Change {
  return { ...described(run, after), action: 'update', before: before.values, after: after.values };
}

/** Rows before and after; another key is another object, so that a row whose key was changed is deleted and created. */
export function changesBetween(run: NativeRun, before: RowImages, after: RowImages): Change[] {
  const changes: Change[] = [];
  for (const [id, image] of before) {
    const now = after.get(id);
    changes.push(now ? updated(run, image, now) : deleted(run, image));
  }
  for (const [id, image] of after) if (!before.has(id)) changes.push(created(run, image));
  return changes;
}

/** Of rows that a call reads or writes. */
export function storedType({ driver, options }: NativeRun, tracked: TrackedEntity): string {
  return tracked.typeIn(driver.getSchemaName(tracked.meta, options));
}

function described(run: NativeRun, { tracked, objectId }: RowImage) {
  return {
    type: storedType(run, tracked),
    objectId,
    links: {},
    attribution: run.attribution,
    steps: NO_STEPS,
    masked: tracked.masked,
  };
}
