import { UnsafeBypassError } from './bypass.errors.js';
import { finalCondition } from './capture-update.js';
import { created, deleted } from './image-changes.js';
import { type DriverRun, type GoneAlong, inChunks, MOST_ROWS, nativeRows, type NativeRun } from './native-call.js';
import { findRows, keysWhere, readRows, type RowImage } from './row-images.js';
import { keyCondition, type RowKey } from './row-key.js';
import type { NativeResult } from './sql-driver.js';

/**
 * All rows go by one statement, because rows that refer to each other can go only together. What goes along is recorded
 * before it happens, and so are rows that are too many to hold.
 */
export async function captureDelete(run: NativeRun, condition: unknown): Promise<NativeResult> {
  const { attribution, recordAlong } = run;
  const where = await finalCondition(run, condition);
  // the driver's builder does not convert: the entity manager has done that to the condition of a delete
  const { keys, images } = await findRows(run, where, false, 'for update');
  const recording = { attribution, record: recordAlong, mostRows: MOST_ROWS };
  const along = await run.dependants.beforeDelete(nativeRows(run, keys), recording);
  if (!images) await recordAll(run, keys, along);
  await along.carryOut();
  const { result, left } = await deleteRows(run, keys);
  if (left.length > 0 && !images) throw keptMany(run, left.length);
  if (left.length > 0 && along.isRecorded) throw keptWithDependants(run, left.length);
  const isLeft = new Set(left.map(textOf));
  const isGone = (key: RowKey) => !isLeft.has(textOf(key));
  if (images)
    await recordGone(
      run,
      [...images.values()].filter(image => isGone(image.key)),
      along,
    );
  await recordRemainders(run, keys.filter(isGone));
  await recordAlong(await along.computed());
  return result;
}

/** Nothing is recorded, and handlers do their work. */
export async function handleDelete(run: DriverRun, condition: unknown): Promise<NativeResult> {
  const keys = await keysWhere(run, await finalCondition(run, condition), false, 'for update');
  const along = await run.dependants.beforeDelete(nativeRows(run, keys), undefined);
  await along.carryOut();
  return (await deleteRows(run, keys)).result;
}

/** Handlers may have deleted some of the rows already, and a trigger may keep others in. */
async function deleteRows(
  run: DriverRun,
  keys: readonly RowKey[],
): Promise<{ readonly result: NativeResult; readonly left: readonly RowKey[] }> {
  const where = keyCondition(run.meta, keys);
  const result = await run.proceed({ where });
  const left = result.affectedRows < keys.length ? await keysWhere(run, where, false) : [];
  return { result: { ...result, affectedRows: keys.length - left.length }, left };
}

function textOf(key: RowKey): string {
  return key.join('\0');
}

async function recordAll(run: NativeRun, keys: readonly RowKey[], along: GoneAlong): Promise<void> {
  for (const chunk of inChunks(keys)) await recordGone(run, (await readRows(run, chunk)).values(), along);
}

async function recordGone(run: NativeRun, images: Iterable<RowImage>, { links }: GoneAlong): Promise<void> {
  await run.record([...images].map(image => deleted(run, image, links.get(image.objectId))));
}

/** In table-per-type inheritance the table of a class above keeps its part: what is left is an object of that class. */
async function recordRemainders(run: NativeRun, keys: readonly RowKey[]): Promise<void> {
  const { meta } = run;
  if (!meta.tptParent) return;
  for (const chunk of inChunks(keys)) {
    const images = await readRows(run, chunk, { meta: meta.tptParent });
    await run.record([...images.values()].map(image => created(run, image)));
  }
}

function keptMany(run: NativeRun, count: number): UnsafeBypassError {
  return new UnsafeBypassError(
    'em.nativeDelete()',
    run.meta.className,
    `the database kept ${count} of the rows, and the history has recorded all of them as deleted`,
    'Delete fewer than 10,000 rows in one call, so that what the database kept can be told apart.',
  );
}

function keptWithDependants(run: NativeRun, count: number): UnsafeBypassError {
  return new UnsafeBypassError(
    'em.nativeDelete()',
    run.meta.className,
    `the database kept ${count} of the rows, and the history has recorded what would have gone along with them`,
    'Narrow the condition down to rows that the database lets go.',
  );
}
