import { type Dictionary, isRaw, Utils } from '@mikro-orm/core';
import type { Change } from '../capture/change.js';
import { UnsafeBypassError } from './bypass.errors.js';
import { unknownKey } from './capture-insert.js';
import { followKeys } from './capture-update.js';
import { changesBetween, created, updated } from './image-changes.js';
import { type FollowedChanges, type NativeRun, NOTHING_FOLLOWED } from './native-call.js';
import { type FoundRows, readRows, readWhere, type RowImage, type RowImages } from './row-images.js';
import { isKeyProperty, keyOfColumns, keyOfData, type RowKey } from './row-key.js';
import type { NativeResult } from './sql-driver.js';

/** What a statement inserted, what it updated and what it left alone, told apart by the rows before and after. */
export async function captureUpsert(
  run: NativeRun,
  where: unknown,
  rows: readonly Dictionary[],
): Promise<NativeResult> {
  const fields = conflictFields(run, where);
  const { condition, isWhole } = conflictCondition(fields, rows);
  const given = rows.map(row => ({ ...row }));
  const before = await rowsBefore(run, condition);
  const follow = await followUpsert(run, before.keys, fields, rows);
  const result = await run.proceed();
  const found = condition ? await readWhere(run, condition, converts(run), { origin: originOf(run) }) : NO_ROWS;
  const after = new Map(found.images);
  if (!isWhole) await addReturned(run, given, result, after);
  const followed = await follow(found.keys);
  await run.recordAlong(followed.linksOfEnded);
  await run.record(await writtenChanges(run, before.images, after));
  await run.recordAlong(followed.changes);
  return result;
}

async function writtenChanges(run: NativeRun, before: RowImages, after: RowImages): Promise<Change[]> {
  const written = [...after].filter(([id, image]) => before.has(id) || image.origin.isOurs);
  const isCertain = ([id, image]: (typeof written)[number]) => before.has(id) || !image.origin.mayReplace;
  const uncertain = written.filter(entry => !isCertain(entry)).map(([, image]) => image);
  return [...changesBetween(run, before, new Map(written.filter(isCertain))), ...(await unforeseen(run, uncertain))];
}

const NO_ROWS: Required<FoundRows> = { keys: [], images: new Map() };

function converts({ options }: NativeRun): boolean {
  return options.convertCustomTypes !== false;
}

function originOf({ options }: NativeRun): 'merged' | 'ignored' {
  return options.onConflictAction === 'ignore' ? 'ignored' : 'merged';
}

async function rowsBefore(run: NativeRun, condition: Dictionary | undefined): Promise<Required<FoundRows>> {
  if (!condition) return NO_ROWS;
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
function conflictCondition(fields: readonly string[] | undefined, rows: readonly Dictionary[]) {
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

/** An upsert may change what others refer to: a unique column, or the key itself where the conflict is on another one. */
async function followUpsert(
  run: NativeRun,
  keys: readonly RowKey[],
  fields: readonly string[] | undefined,
  rows: readonly Dictionary[],
): Promise<(keysAfter: readonly RowKey[]) => Promise<FollowedChanges>> {
  const merged = mergedProperties(run, fields, rows);
  if (!run.dependants.followsKeys(run.meta, merged)) return async () => NOTHING_FOLLOWED;
  const changesKey = merged.some(name => isKeyProperty(run.meta, name));
  if (!fields || (changesKey && keys.length > 1)) throw unknownFollowers(run);
  const follow = await followKeys(run, keys, merged);
  return async found => follow(changesKey ? found : keys);
}

/** As the driver chooses them (core/utils/upsert-utils.js:45 of 7.2.1). */
function mergedProperties(
  { options }: NativeRun,
  fields: readonly string[] = [],
  rows: readonly Dictionary[],
): string[] {
  if (options.onConflictAction === 'ignore') return [];
  const excluded = new Set([...fields, ...(options.onConflictExcludeFields ?? [])]);
  const names = options.onConflictMergeFields ?? new Set(rows.flatMap(Object.keys));
  return [...names].map(String).filter(name => options.onConflictMergeFields || !excluded.has(name));
}

function unknownFollowers(run: NativeRun): UnsafeBypassError {
  return new UnsafeBypassError(
    `em.${run.call.method}()`,
    run.meta.className,
    'it may change keys that other rows follow, and nobody could tell which key became which',
    'Upsert one object at a time, with the conflicting properties named in onConflictFields.',
  );
}
