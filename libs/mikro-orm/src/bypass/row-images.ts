import type { EntityMetadata } from '@mikro-orm/core';
import type { JsonRecord } from '../model/json.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { type DriverRun, MOST_ROWS, type NativeRun } from './native-call.js';
import { keyCondition, keyOfRow, type RowKey } from './row-key.js';
import { type RowLock, type SelectedRow, type Selection, selectRows } from './select-rows.js';
import type { TransactionContext } from './sql-driver.js';

/** One row as the history sees it. */
export interface RowImage {
  readonly tracked: TrackedEntity;
  readonly objectId: string;
  readonly key: RowKey;
  readonly values: JsonRecord;
  readonly origin: Pick<SelectedRow, 'isOurs' | 'mayReplace'>;
}

/** By type and object id. */
export type RowImages = ReadonlyMap<string, RowImage>;

/** The rows that a condition finds. */
export interface FoundRows {
  readonly keys: readonly RowKey[];
  /** Those of them that are tracked; absent where there are too many rows to hold. */
  readonly images?: RowImages;
}

type Reading = Pick<Selection, 'lock' | 'origin'> & {
  readonly meta?: EntityMetadata;
  readonly ctx?: TransactionContext | null;
};

/** Finds the rows that a native call would change, and locks them. */
export async function findRows(run: NativeRun, where: unknown, convert: boolean, lock?: RowLock): Promise<FoundRows> {
  const only = onlyClass(run, run.meta);
  if (only) {
    const limit = MOST_ROWS + 1;
    const found = await selectRows(run, { ...wholeRow(only), where, convertCustomTypes: convert, lock, limit });
    if (found.length <= MOST_ROWS) return withKeys(imagesOf(only, found));
  }
  const keys = await keysWhere(run, where, convert, lock);
  return keys.length > MOST_ROWS ? { keys } : { keys, images: await readRows(run, keys, { lock }) };
}

function withKeys(images: RowImages): Required<FoundRows> {
  return { keys: [...images.values()].map(image => image.key), images };
}

/** Reads rows by condition, whole; for conditions that cannot find many. */
export async function readWhere(
  run: NativeRun,
  where: unknown,
  convert: boolean,
  how: Reading,
): Promise<Required<FoundRows>> {
  const only = onlyClass(run, run.meta);
  if (only) {
    const rows = await selectRows(run, { ...wholeRow(only), ...how, where, convertCustomTypes: convert });
    return withKeys(imagesOf(only, rows));
  }
  const keys = await keysWhere(run, where, convert, how.lock);
  return { keys, images: await readRows(run, keys, how) };
}

/** Reads rows by their keys, each as what it is: the most derived classes are asked first. */
export async function readRows(run: NativeRun, keys: readonly RowKey[], how: Reading = {}): Promise<RowImages> {
  const { meta = run.meta, ...reading } = how;
  const images = new Map<string, RowImage>();
  const classes = classesOf(run, meta);
  let rest = classes.some(({ isTracked }) => isTracked) ? keys : [];
  for (const tracked of classes) {
    if (rest.length === 0) break;
    const where = keyCondition(tracked.meta, rest);
    const rows = await selectRows(run, { ...wholeRow(tracked), ...reading, where, convertCustomTypes: false });
    const found = imagesOf(tracked, rows);
    if (tracked.isTracked) for (const [id, image] of found) images.set(id, image);
    const ids = new Set([...found.values()].map(image => image.objectId));
    rest = rest.filter(key => !ids.has(tracked.objectIdOfKey(key)));
  }
  return images;
}

/** The keys of the rows that a condition finds. */
export async function keysWhere(run: DriverRun, where: unknown, convert: boolean, lock?: RowLock): Promise<RowKey[]> {
  const { meta } = run;
  const rows = await selectRows(run, { meta, fields: meta.primaryKeys, where, convertCustomTypes: convert, lock });
  const keys = new Map<string, RowKey>();
  for (const { data } of rows) {
    const key = keyOfRow(meta, data);
    keys.set(key.join('\0'), key);
  }
  return [...keys.values()];
}

function wholeRow({ meta, fields }: TrackedEntity): Pick<Selection, 'meta' | 'fields'> {
  return { meta, fields };
}

/** A condition with joins finds a row more than once. */
function imagesOf(tracked: TrackedEntity, rows: readonly SelectedRow[]): Map<string, RowImage> {
  const images = new Map<string, RowImage>();
  for (const { data, isOurs, mayReplace } of rows) {
    const key = keyOfRow(tracked.meta, data);
    const objectId = tracked.objectIdOfKey(key);
    const values: JsonRecord = {};
    for (const { name, codec } of tracked.attributes.values()) values[name] = codec.encodeRow(data[name]);
    images.set(`${tracked.type}\0${objectId}`, { tracked, objectId, key, values, origin: { isOurs, mayReplace } });
  }
  return images;
}

/** The class itself, where its rows can be of no other. */
function onlyClass(run: NativeRun, meta: EntityMetadata): TrackedEntity | undefined {
  const classes = classesOf(run, meta);
  return classes.length === 1 && classes[0]!.meta === meta && classes[0]!.isTracked ? classes[0] : undefined;
}

/** The classes that rows of a class may be of, the most derived first. */
export function classesOf(
  { driver, entities }: Pick<NativeRun, 'driver' | 'entities'>,
  meta: EntityMetadata,
): TrackedEntity[] {
  const own = entities.find(meta.class);
  if (!meta.root.inheritanceType) return own ? [own] : [];
  const classes = [...driver.getMetadata()].filter(
    other => other.root === meta.root && !other.abstract && descends(other, meta),
  );
  return classes
    .toSorted((a, b) => depthOf(b.class) - depthOf(a.class))
    .map(other => entities.find(other.class))
    .filter(tracked => tracked !== undefined);
}

function descends(meta: EntityMetadata, from: EntityMetadata): boolean {
  return meta === from || meta.class.prototype instanceof from.class;
}

function depthOf(entityClass: object): number {
  const parent = Object.getPrototypeOf(entityClass) as object | null;
  return parent === null ? 0 : depthOf(parent) + 1;
}
