import type { Change, LinkChange } from '../capture/change.js';
import type { NativeRun } from './native-call.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { RowImage, RowImages } from './row-images.js';

/** Links by object, and by the property of the side that owns them. */
export type LinkChanges = ReadonlyMap<string, Readonly<Record<string, LinkChange>>>;

const NO_STEPS: Change['steps'] = new Map();
const NO_LINKS: LinkChanges = new Map();

export function created(run: NativeRun, image: RowImage, links = NO_LINKS): Change {
  return { ...described(run, image, links), action: 'create', before: {}, after: image.values };
}

/** @param links that go with it */
export function deleted(run: NativeRun, image: RowImage, links: Change['links'] = {}): Change {
  return { ...described(run, image, NO_LINKS), action: 'delete', before: image.values, after: {}, links };
}

export function updated(run: NativeRun, before: RowImage, after: RowImage, links = NO_LINKS): Change {
  return { ...described(run, after, links), action: 'update', before: before.values, after: after.values };
}

/** Rows before and after; another key is another object, so that a row whose key was changed is deleted and created. */
export function changesBetween(run: NativeRun, before: RowImages, after: RowImages, links = NO_LINKS): Change[] {
  const changes: Change[] = [];
  for (const [id, image] of before) {
    const now = after.get(id);
    changes.push(now ? updated(run, image, now, links) : deleted(run, image));
  }
  for (const [id, image] of after) if (!before.has(id)) changes.push(created(run, image, links));
  return changes;
}

/** Of rows that a call reads or writes. */
export function storedType({ driver, options }: NativeRun, tracked: TrackedEntity): string {
  return tracked.typeIn(driver.getSchemaName(tracked.meta, options));
}

function described(run: NativeRun, { tracked, objectId }: RowImage, links: LinkChanges) {
  return {
    type: storedType(run, tracked),
    objectId,
    links: links.get(`${tracked.type}\0${objectId}`) ?? {},
    attribution: run.attribution,
    steps: NO_STEPS,
    masked: tracked.masked,
  };
}
