import type { ForeignKeyGraph } from '../cascade/foreign-key-graph.js';
import type { LinkKey } from '../cascade/link-changes.js';
import type { LinkedCollection } from '../cascade/pivot-links.js';
import { type AnyCollection, keyColumnsOf, propertyOf } from './collection-updates.js';

/** Whether statements make all links of one owner's collection anew, so that those that go tell how all of them stood. */
export type IsRewritten = (ends: LinkedCollection, owner: LinkKey, gone: readonly LinkKey[]) => boolean;

/**
 * MikroORM 7.2 does so from the owning side: where a collection was not loaded, and where one in a fixed order is not
 * just added to and removed from (AbstractSqlDriver.js:1243). From the other side, single links are made anew.
 */
export function rewrittenIn(updates: readonly AnyCollection[], graph: ForeignKeyGraph): IsRewritten {
  const written = updates.filter(isOrdered).map((collection): Written => {
    const pivotEntity = graph.metaOf(propertyOf(collection).pivotEntity)?.class;
    const isWhole = collection.isInitialized() && !collection.isPartial();
    const known = isWhole ? collection.getSnapshot() : [];
    const before = known?.map(item => textOf(keyColumnsOf(item)));
    return { pivotEntity, owner: textOf(keyColumnsOf(collection.owner)), before };
  });
  return ({ collection }, owner, gone) => {
    const isOf = (one: Written) => one.pivotEntity === collection.pivotEntity && one.owner === textOf(owner);
    const found = written.find(isOf);
    if (!found?.before) return found !== undefined;
    const targets = new Set(gone.map(textOf));
    return found.before.length > 0 && found.before.every(key => targets.has(key));
  };
}

interface Written {
  readonly pivotEntity: unknown;
  readonly owner: string;
  /** What it held, before the ORM looks again: absent where it is replaced unread, empty where only a part is known. */
  readonly before: readonly string[] | undefined;
}

function isOrdered(collection: AnyCollection): boolean {
  const { owner, fixedOrder } = propertyOf(collection);
  return owner && fixedOrder === true;
}

function textOf(key: LinkKey): string {
  return JSON.stringify(key.map(String));
}
