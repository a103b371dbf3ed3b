import { type Dictionary, type EntityProperty, ReferenceKind } from '@mikro-orm/core';
import type { Change, LinkChange } from '../capture/change.js';
import type { Json } from '../model/json.js';
import { keyColumns } from '../model/stored-key.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { type LinkChanges, storedType } from './image-changes.js';
import { inChunks, type NativeRun } from './native-call.js';
import type { RowImages } from './row-images.js';
import type { RowKey } from './row-key.js';

/** A many-to-many collection that a native call sets, and the side that owns it. */
export interface LinkedProperty {
  readonly owner: TrackedEntity;
  /** The owning side's property. */
  readonly prop: EntityProperty;
  /** Whether the call sets it from the owning side. */
  readonly isOwner: boolean;
}

/** Target keys in stored form, as text, by owner and property. */
export type Links = Map<
  string,
  { readonly link: LinkedProperty; readonly ownerId: string; readonly targets: Set<string> }
>;

export const NO_LINKS: Links = new Map();

/** The collections among the data; asked before the call, because the driver takes them out of the data. */
export function linkedProperties({ meta, entities }: NativeRun, rows: readonly Dictionary[]): LinkedProperty[] {
  return meta.relations
    .filter(prop => prop.kind === ReferenceKind.MANY_TO_MANY && rows.some(row => row[prop.name]))
    .flatMap(prop => {
      const owner = entities.tracked(prop.owner ? meta.class : prop.targetMeta!.class);
      const owning = owner?.collections.get(prop.owner ? prop.name : prop.mappedBy);
      return owner && owning ? [{ owner, prop: owning, isOwner: prop.owner }] : [];
    });
}

export async function linksBefore(
  run: NativeRun,
  linked: readonly LinkedProperty[],
  keys: readonly RowKey[],
): Promise<Links> {
  const links: Links = new Map();
  for (const link of linked) for (const chunk of inChunks(keys)) await readLinks(run, link, chunk, links);
  return links;
}

/** What became of the links: those of the rows themselves, and those that rows at the other end own. */
export async function linkChangesAfter(
  run: NativeRun,
  linked: readonly LinkedProperty[],
  keys: readonly RowKey[],
  before: Links,
) {
  const after = await linksBefore(run, linked, keys);
  const byOwner = new Map<string, Record<string, LinkChange>>();
  const owners = new Map<string, TrackedEntity>();
  for (const id of new Set([...after.keys(), ...before.keys()])) {
    const { link, ownerId } = (after.get(id) ?? before.get(id))!;
    const change = difference(before.get(id)?.targets, after.get(id)?.targets);
    const owner = `${link.owner.type}\0${ownerId}`;
    owners.set(owner, link.owner);
    byOwner.set(owner, { ...byOwner.get(owner), [link.prop.name]: change });
  }
  return { byOwner, ofOthers: (images: RowImages) => changesOfOthers(run, byOwner, owners, images) };
}

function changesOfOthers(
  run: NativeRun,
  byOwner: LinkChanges,
  owners: ReadonlyMap<string, TrackedEntity>,
  images: RowImages,
): Change[] {
  return [...byOwner]
    .filter(([id]) => !images.has(id))
    .map(([id, links]) => {
      const owner = owners.get(id)!;
      const type = storedType(run, owner);
      const objectId = id.slice(id.indexOf('\0') + 1);
      const nothing = { before: {}, after: {}, steps: new Map(), masked: owner.masked };
      return { type, objectId, action: 'update', links, attribution: run.attribution, ...nothing } as const;
    });
}

function difference(before = new Set<string>(), after = new Set<string>()): LinkChange {
  const keys = (texts: string[]) => texts.map(text => JSON.parse(text) as Json);
  return {
    added: keys([...after].filter(key => !before.has(key))),
    removed: keys([...before].filter(key => !after.has(key))),
  };
}

async function readLinks(run: NativeRun, link: LinkedProperty, keys: readonly RowKey[], into: Links): Promise<void> {
  const { owner, prop, isOwner } = link;
  const targetColumns = keyColumns(prop.targetMeta!, owner.platform);
  for (const row of await selectPivot(run, prop, isOwner ? prop.joinColumns : prop.inverseJoinColumns, keys)) {
    const ownerId = owner.objectIdOfKey(prop.joinColumns.map(name => row[name] as unknown));
    const stored = targetColumns.map((column, i) => column.codec.encodeRow(row[prop.inverseJoinColumns[i]!]));
    const id = `${owner.type}\0${ownerId}\0${prop.name}`;
    const links = into.get(id) ?? { link, ownerId, targets: new Set() };
    links.targets.add(JSON.stringify(stored.length === 1 ? stored[0] : stored));
    into.set(id, links);
  }
}

async function selectPivot(
  { driver, ctx, options }: NativeRun,
  prop: EntityProperty,
  by: readonly string[],
  keys: readonly RowKey[],
): Promise<Dictionary[]> {
  if (keys.length === 0) return [];
  const quote = (name: string) => driver.getPlatform().quoteIdentifier(name);
  const table = driver.getTableName(driver.getMetadata().get(prop.pivotEntity), options);
  const columns = [...prop.joinColumns, ...prop.inverseJoinColumns].map(quote).join(', ');
  const tuple = `(${by.map(() => '?').join(', ')})`;
  const sql = `select ${columns} from ${table} where (${by.map(quote).join(', ')}) in (${keys.map(() => tuple).join(', ')})`;
  const query = driver
    .getConnection('write')
    .execute<Dictionary[]>(sql, keys.flat(), 'all', ctx, options.loggerContext);
  return driver.rethrow(query);
}
