import type { Dictionary } from '@mikro-orm/core';
import { UnsafeBypassError } from './bypass.errors.js';
import { created } from './image-changes.js';
import { inChunks, type NativeRun } from './native-call.js';
import { readRows } from './row-images.js';
import { keyOfColumns, keyOfData, type RowKey } from './row-key.js';
import type { NativeResult } from './sql-driver.js';

/** Rows are read back once they are in, because defaults, triggers and the database's own rounding have a say. */
export async function captureInsert(run: NativeRun, rows: readonly Dictionary[]): Promise<NativeResult> {
  const result = await run.proceed();
  for (const keys of inChunks(insertedKeys(run, rows, result))) {
    const images = await readRows(run, keys);
    await run.record([...images.values()].map(image => created(run, image)));
  }
  return result;
}

export async function captureClone(run: NativeRun): Promise<NativeResult> {
  const result = await run.proceed();
  const key = keyOfColumns(run.meta, result.row) ?? (result.insertId === undefined ? undefined : [result.insertId]);
  if (!key) throw unknownKey(run);
  const images = await readRows(run, [key]);
  await run.record([...images.values()].map(image => created(run, image)));
  return result;
}

function insertedKeys(run: NativeRun, rows: readonly Dictionary[], result: NativeResult): RowKey[] {
  const returned = result.rows?.length ? result.rows : [result.row];
  const platform = run.options.convertCustomTypes === false ? undefined : run.driver.getPlatform();
  const keys = rows.map((row, index) => keyOfData(run.meta, row, platform) ?? keyOfColumns(run.meta, returned[index]));
  const known = keys.filter(key => key !== undefined);
  // a trigger may have kept rows out, and then nothing is returned for them
  if (known.length < Math.min(rows.length, result.affectedRows)) throw unknownKey(run);
  return known;
}

export function unknownKey(run: NativeRun): UnsafeBypassError {
  return new UnsafeBypassError(
    `em.${run.call.method}()`,
    run.meta.className,
    'the key of what it writes is neither in its data nor returned by the database, so nobody could tell what it wrote',
    'Put the key into the data as a plain value, or use em.create() and em.flush().',
  );
}
