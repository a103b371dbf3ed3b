import type { Change } from '../capture/change.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { UnsafeBypassError } from './bypass.errors.js';
import { finalCondition } from './capture-update.js';
import { deleted } from './image-changes.js';
import { inChunks, type NativeRun } from './native-call.js';
import { findRows, readRows, type RowImages } from './row-images.js';
import { keyCondition, type RowKey } from './row-key.js';
import type { NativeResult } from './sql-driver.js';

/** All rows go by one statement, because rows that refer to each other can go only together. */
export async function captureDelete(run: NativeRun, condition: unknown): Promise<NativeResult> {
  const where = await finalCondition(run, condition);
  // the driver's builder does not convert: the entity manager has done that to the condition of a delete
  const found = await findRows(run, where, false, 'for update');
  return 'images' in found ? deleteRows(run, found.images) : deleteMany(run, found.keys);
}

async function deleteRows(run: NativeRun, images: RowImages): Promise<NativeResult> {
  const keys = [...images.values()].map(image => image.key);
  const taken = await takenAlong(run, images);
  const result = await run.proceed({ where: keyCondition(run.meta, keys) });
  // a trigger may have kept rows in
  const left = result.affectedRows < keys.length ? await readRows(run, keys) : new Map();
  const gone = [...images].filter(([id]) => !left.has(id)).map(([, image]) => deleted(run, image));
  await run.record([...gone, ...taken]);
  return result;
}

/** Recorded before it is done, chunk by chunk, so that not all rows have to be held. */
async function deleteMany(run: NativeRun, keys: readonly RowKey[]): Promise<NativeResult> {
  for (const chunk of inChunks(keys)) {
    const images = await readRows(run, chunk);
    const taken = await takenAlong(run, images);
    await run.record([...[...images.values()].map(image => deleted(run, image)), ...taken]);
  }
  const result = await run.proceed({ where: keyCondition(run.meta, keys) });
  if (result.affectedRows < keys.length) throw keptRows(run, keys.length - result.affectedRows);
  return result;
}

async function takenAlong({ call, ctx, beforeDelete }: NativeRun, images: RowImages): Promise<Change[]> {
  const byClass = new Map<TrackedEntity, RowKey[]>();
  for (const { tracked, key } of images.values()) {
    const keys = byClass.get(tracked);
    if (keys) keys.push(key);
    else byClass.set(tracked, [key]);
  }
  const taken: Change[] = [];
  for (const [tracked, keys] of byClass) {
    taken.push(...(await beforeDelete({ em: call.em, tracked, keys, ctx, attribution: call.attribution })));
  }
  return taken;
}

function keptRows(run: NativeRun, count: number): UnsafeBypassError {
  return new UnsafeBypassError(
    'em.nativeDelete()',
    run.meta.className,
    `the database kept ${count} of the rows, and the history has recorded all of them as deleted`,
    'Delete fewer than 10,000 rows in one call, so that what the database kept can be told apart.',
  );
}
