import { type Dictionary, isRaw, Utils } from '@mikro-orm/core';
import type { Change } from '../capture/change.js';
import { UnsafeBypassError } from './bypass.errors.js';
import { changesBetween } from './image-changes.js';
import { type DriverRun, inChunks, nativeRows, type NativeRun, NOTHING_FOLLOWED } from './native-call.js';
import { collectionsIn } from './native-links.js';
import { findRows, readRows, type RowImage, type RowImages } from './row-images.js';
import { isKeyProperty, keyCondition, partOfKey, type RowKey } from './row-key.js';
import type { NativeResult } from './sql-driver.js';

/** The rows are found and locked first, and then changed by their keys: what is changed is what was read. */
export async function captureUpdate(run: NativeRun, condition: unknown, data: Dictionary): Promise<NativeResult> {
  requireKnownKey(run, data);
  const where = await finalCondition(run, condition);
  const lock = changesKey(run, data) ? 'for update' : 'for no key update';
  const found = await findRows(run, where, run.options.convertCustomTypes !== false, lock);
  const update = { data, where };
  const { keys, images } = found;
  if (images) return updateRows(run, keys, images, update);
  if (readsRows(data)) return updateRows(run, keys, await readAll(run, keys), update);
  return updateInChunks(run, keys, update);
}

interface Update {
  readonly data: Dictionary;
  readonly where: unknown;
}

async function updateRows(
  run: NativeRun,
  keys: readonly RowKey[],
  before: RowImages,
  update: Update,
): Promise<NativeResult> {
  const follow = await followKeys(run, keys, Object.keys(update.data));
  // the driver reads the owner of links from the condition
  const isLinked = collectionsIn(run.meta, [update.data]).length > 0;
  const where = isLinked && keys.length !== 1 ? update.where : keyOnly(run, keys);
  const result = await run.proceed({ where, data: { ...update.data } });
  const followed = await follow(changedKeys(run, keys, update.data));
  await run.recordAlong(followed.linksOfEnded);
  for (const chunk of inChunks([...before])) await run.record(await changesOf(run, chunk, update));
  await run.recordAlong(followed.changes);
  return result;
}

async function changesOf(
  run: NativeRun,
  before: readonly (readonly [string, RowImage])[],
  { data }: Update,
): Promise<Change[]> {
  // an object whose discriminator was changed is no longer found as what it was
  const meta = run.meta.root.discriminatorColumn! in data ? run.meta.root : run.meta;
  const keys = before.map(([, image]) => image.key);
  const keysNow = changedKeys(run, keys, data);
  const are = await readRows(run, keysNow, { meta });
  return changesBetween(run, new Map(before), are);
}

/** Where rows that refer to these will follow, tells afterwards what became of them. */
export async function followKeys(run: NativeRun, keys: readonly RowKey[], properties: readonly string[]) {
  const { dependants, meta, attribution } = run;
  if (keys.length === 0 || !dependants.followsKeys(meta, properties)) return async () => NOTHING_FOLLOWED;
  return dependants.beforeKeyChange(nativeRows(run, keys), properties, attribution);
}

/** One statement for each chunk, which comes to the same: each row's values depend on nothing but the row. */
async function updateInChunks(run: NativeRun, keys: readonly RowKey[], update: Update): Promise<NativeResult> {
  let result: NativeResult | undefined;
  for (const chunk of inChunks(keys)) {
    const done = await updateRows(run, chunk, await readRows(run, chunk), update);
    result = { ...done, affectedRows: done.affectedRows + (result?.affectedRows ?? 0) };
  }
  return result!;
}

async function readAll(run: NativeRun, keys: readonly RowKey[]): Promise<RowImages> {
  const images = new Map<string, RowImage>();
  for (const chunk of inChunks(keys)) for (const [id, image] of await readRows(run, chunk)) images.set(id, image);
  return images;
}

/** An expression with a query in it may read other rows of the table, so that all rows have to be changed at once. */
function readsRows(data: Dictionary): boolean {
  return Object.values(data).some(value => isRaw(value) && /\bselect\b/i.test(value.sql));
}

/** The condition as the driver completes it (AbstractSqlDriver.js:930 of 7.2.1). */
export async function finalCondition({ driver, meta, options }: DriverRun, where: unknown): Promise<unknown> {
  const condition = Utils.isPrimaryKey(where, meta.compositePK)
    ? { [Utils.getPrimaryKeyHash(meta.primaryKeys)]: where }
    : where;
  const isUnion = Array.isArray(options.unionWhere) && options.unionWhere.length > 0;
  return isUnion ? driver.applyUnionWhere(meta, condition, options, true) : condition;
}

function keyOnly({ meta, driver, options }: NativeRun, keys: readonly RowKey[]): Dictionary {
  return keyCondition(meta, keys, options.convertCustomTypes === false ? undefined : driver.getPlatform());
}

function changesKey({ meta }: NativeRun, data: Dictionary): boolean {
  const unique = new Set(meta.uniques.flatMap(({ properties }) => Utils.asArray(properties).map(String)));
  return Object.keys(data).some(
    name => isKeyProperty(meta, name) || Boolean(meta.properties[name]?.unique) || unique.has(name),
  );
}

function requireKnownKey(run: NativeRun, data: Dictionary): void {
  if (!run.meta.primaryKeys.some(name => isRaw(data[name]))) return;
  throw new UnsafeBypassError(
    'em.nativeUpdate()',
    run.meta.className,
    'it sets the key by an SQL expression, so nobody could tell which object became which',
    'Change one object at a time, with its new key as a plain value.',
  );
}

/** Where a key is changed, the rows are found under their new ones. */
function changedKeys({ meta, driver, options }: NativeRun, keys: readonly RowKey[], data: Dictionary): RowKey[] {
  if (!meta.primaryKeys.some(name => name in data)) return [...keys];
  const platform = options.convertCustomTypes === false ? undefined : driver.getPlatform();
  const parts = meta.primaryKeys.map(name => meta.properties[name]!);
  return keys.map(key => {
    let end = 0;
    return parts.flatMap(prop => {
      const was = key.slice(end, (end += prop.fieldNames.length));
      return prop.name in data ? partOfKey(prop, data[prop.name], platform) : was;
    });
  });
}
