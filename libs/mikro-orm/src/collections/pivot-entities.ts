import type { EntityProperty } from '@mikro-orm/core';
import type { Change } from '../capture/change.js';
import type { ForeignKeyGraph } from '../cascade/foreign-key-graph.js';
import type { LinkKey } from '../cascade/link-changes.js';
import { type LinkEnds, linkEnds } from '../cascade/pivot-links.js';
import type { JsonRecord } from '../model/json.js';
import { keyColumns, keyValues } from '../model/stored-key.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { MovedLink, MovedLinks } from './moved-links.js';
import { mayRepeat } from './pivot-rows.js';

type Link = Omit<MovedLink, 'action'>;

/** Adds the links that come and go because the application itself writes an object that is the row of one. */
export function moveLinksOf(change: Change, pivot: TrackedEntity, graph: ForeignKeyGraph, links: MovedLinks): void {
  const { action, before, after } = change;
  for (const ends of linkEnds(pivot.meta, graph.collections.get(pivot.meta.class))) {
    const was = action === 'create' ? undefined : linkIn(before, change, pivot, ends);
    const is = action === 'delete' ? undefined : linkIn(after, change, pivot, ends);
    if (JSON.stringify([was?.owner, was?.target]) === JSON.stringify([is?.owner, is?.target])) continue;
    if (was) links.add({ ...was, action: 'delete' });
    if (is) links.add({ ...is, action: 'insert' });
  }
}

function linkIn(values: JsonRecord, { objectId }: Change, pivot: TrackedEntity, ends: LinkEnds): Link | undefined {
  const key = keyValues(pivot.keyColumns, objectId);
  const owner = endIn(values, key, pivot, ends.ownerProp);
  const target = endIn(values, key, pivot, ends.targetProp);
  return owner && target && { ends, owner, target, place: key[0], isDoubtful: mayRepeat(ends, pivot.meta) };
}

/** The columns of a foreign key, which is an attribute or a part of the object's key. */
function endIn(values: JsonRecord, key: LinkKey, pivot: TrackedEntity, prop: EntityProperty): LinkKey | undefined {
  if (prop.primary) return key.filter((_, index) => pivot.keyColumns[index]!.path[0] === prop.name);
  const stored = values[prop.name] ?? null;
  const parts = [stored].flat();
  const columns = keyColumns(prop.targetMeta!, pivot.platform);
  return stored === null ? undefined : columns.map((column, index) => column.codec.decode(parts[index] ?? null));
}
