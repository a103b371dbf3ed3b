import { type EntityManager, type EntityMetadata, type EntityProperty, ReferenceKind } from '@mikro-orm/core';
import type { Json } from '../model/json.js';
import { keyText } from '../model/stored-key.js';
import { equal } from './place.js';
import { isLink, obstruct, type ObjectDraft, type PlannedDrafts, type ValueDraft } from './planned-draft.js';
import { RowLookup } from './row-lookup.js';

/** A value that is to refer to a row. */
interface Reference {
  readonly value: ValueDraft;
  readonly target: EntityMetadata;
  readonly id: string;
}

/** Marks what would refer to rows that do not exist. One SELECT for each class that is referred to. */
export async function findLostParents(em: EntityManager, drafts: PlannedDrafts): Promise<void> {
  const references = drafts.all.filter(draft => draft.willExist).flatMap(referencesOf);
  for (const [target, ofTarget] of Map.groupBy(references, reference => reference.target)) {
    const planned = drafts.of(target);
    const unplanned = [...new Set(ofTarget.map(({ id }) => id))].filter(id => !planned.has(id));
    const lookup = new RowLookup(em, target);
    const found = new Set((await lookup.byId(unplanned)).map(row => lookup.objectId(row)));
    for (const { value, id } of ofTarget) {
      const exists = planned.get(id)?.willExist ?? found.has(id);
      if (!exists) obstruct(value, { reason: 'parent-gone', detail: `${target.className} ${id} does not exist` });
    }
  }
}

function referencesOf({ tracked, values }: ObjectDraft): Reference[] {
  return values.flatMap(value => {
    if (equal(value.willBe, value.is) || value.willBe === undefined) return [];
    const prop = tracked.attributes.get(value.name)?.prop ?? tracked.collections.get(value.name);
    const key = isLink(value) ? value.willBe === true && (JSON.parse(value.target) as Json) : value.willBe;
    if (!prop || typeof key === 'symbol' || key === null || key === false || !isReference(prop)) return [];
    return [{ value, target: prop.targetMeta!, id: keyText(Array.isArray(key) ? key : [key]) }];
  });
}

/** A polymorphic relation, or one by another column than the key, is left to the database. */
function isReference(prop: EntityProperty): boolean {
  const isRelation = prop.kind !== ReferenceKind.SCALAR && prop.kind !== ReferenceKind.EMBEDDED;
  return isRelation && !prop.polymorphic && !prop.targetKey && prop.targetMeta !== undefined;
}
