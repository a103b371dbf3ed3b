import { type Dictionary, isRaw, Utils } from '@mikro-orm/core';
import type { Change } from '../capture/change.js';
import { unknownKey } from './capture-insert.js';
import { changesBetween, created, updated } from './image-changes.js';
import type { NativeRun } from './native-call.js';
import { readRows, readWhere, type RowImage, type RowImages } from './row-images.js';
import { keyOfColumns, keyOfData, type RowKey } from './row-key.js';
import type { NativeResult } from './sql-driver.js';

/** What a statement inserted, what it updated and what it left alone, told apart by the rows before and after. */
export async function captureUpsert(
  run: NativeRun,
  where: unknown,
  rows: readonly Dictionary[],
): Promise<NativeResult> {
  const { condition, isWhole } = conflictCondition(run, where, rows);
  const given = rows.map(row => ({ ...row }));
  const before = await rowsBefore(run, condition);
  const result = await run.proceed();
  const after = new Map(condition ? await readWhere(run, condition, converts(run), { origin: originOf(run) }) : []);
  if (!isWhole) await addReturned(run, given, result, after);
  const written = new Map([...after].filter(([id, image]) => before.has(id) || image.origin.isOurs));
  const isNew = (id: string) => !before.has(id);
  const certain = new Map([...written].filter(([id, image]) => !isNew(id) || !image.origin.mayReplace));
  await run.record(changesBetween(run, before, certain));
  await run.record(
    await unforeseen(
      run,
      [...written].filter(([id]) => !certain.has(id)).map(([, image]) => image),
    ),
  );
  return result;
}

function converts({ options }: NativeRun): boolean {
  return options.convertCustomTypes !== false;
}

function originOf({ options }: NativeRun): 'merged' | 'ignored' {
  return options.onConflictAction === 'ignore' ? 'ignored' : 'merged';
}

async function rowsBefore(run: NativeRun, condition: Dictionary | undefined): Promise<RowImages> {
  if (!condition) return new Map();
  // what is ignored is not changed, and locking it would make others wait
  const how = originOf(run) === 'ignored' ? {} : ({ lock: 'for no key update' } as const);
  return readWhere(run, condition, converts(run), how);
}

/**
 * Rows that we did not see before and that replace another version all the same: somebody has inserted them in the
 * meantime, or the conflict is one that no condition can tell. Only others can still see what they were.
 */
async function unforeseen(run: NativeRun, images: readonly RowImage[]): Promise<Change[]> {
  if (images.length === 0) return [];
  const committed = await readRows(run, keysOf(new Map(images.map(image => [image.objectId, image]))), { ctx: null });
  return images.map(image => {
    const was = committed.get(`${image.tracked.type}\0${image.objectId}`);
    return was ? updated(run, was, image) : created(run, image);
  });
}

async function addReturned(
  run: NativeRun,
  rows: readonly Dictionary[],
  result: NativeResult,
  after: Map<string, RowImage>,
): Promise<void> {
  const returned = result.rows?.length ? result.rows : result.row ? [result.row] : [];
  const platform = converts(run) ? run.driver.getPlatform() : undefined;
  const keys = [
    ...returned.map(row => keyOfColumns(run.meta, row)),
    ...rows.map(row => keyOfData(run.meta, row, platform)),
  ].filter(key => key !== undefined);
  if (keys.length === 0 && result.affectedRows > 0) throw unknownKey(run);
  for (const [id, image] of await readRows(run, keys, { origin: originOf(run) })) after.set(id, image);
}

function keysOf(images: RowImages): RowKey[] {
  return [...images.values()].map(image => image.key);
}

/** What finds the rows that the data is in conflict with; not whole where some data cannot be looked for. */
function conflictCondition(run: NativeRun, where: unknown, rows: readonly Dictionary[]) {
  const fields = conflictFields(run, where);
  const conditions = fields ? rows.map(row => conditionFor(fields, row)).filter(found => found !== undefined) : [];
  const isWhole = conditions.length === rows.length;
  if (conditions.length === 0) return { condition: undefined, isWhole };
  return { condition: conditions.length === 1 ? conditions[0]! : joined(conditions, fields!), isWhole };
}

/** As the driver chooses them (AbstractSqlDriver.js:942 and :998 of 7.2.1). An expression cannot be looked for. */
function conflictFields({ meta, options }: NativeRun, where: unknown): string[] | undefined {
  const { onConflictFields } = options;
  if (onConflictFields !== undefined) return Array.isArray(onConflictFields) ? onConflictFields.map(String) : undefined;
  if (!Utils.isPlainObject(where)) return meta.primaryKeys;
  return Object.keys(where).flatMap(key => Utils.splitPrimaryKeys(key));
}

/** Nothing is in conflict with null. */
function conditionFor(fields: readonly string[], row: Dictionary): Dictionary | undefined {
  const condition: Dictionary = {};
  for (const field of fields) {
    const [name, ...rest] = field.split('.') as [string, ...string[]];
    const value = rest.reduce<unknown>((holder, key) => (holder as Dictionary | undefined)?.[key], row[name]);
    if (value === undefined || value === null) return undefined;
    condition[name] = rest.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
  }
  return condition;
}

function joined(conditions: readonly Dictionary[], fields: readonly string[]): Dictionary {
  const [field] = fields;
  const values = conditions.map(condition => condition[field!] as unknown);
  const isPlain = fields.length === 1 && values.every(value => !isRaw(value) && !Utils.isPlainObject(value));
  return isPlain ? { [field!]: { $in: values } } : { $or: conditions };
}
