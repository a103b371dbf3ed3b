import {
  type Dictionary,
  type EntityManager,
  type EntityMetadata,
  type EntityProperty,
  ReferenceKind,
} from '@mikro-orm/core';
import { keyText } from '../model/stored-key.js';
import { equal } from './place.js';
import { isLink, type ObjectDraft, type PlannedDrafts } from './planned-draft.js';
import { isSameTable, RowLookup } from './row-lookup.js';

/** A column of one table that may refer to objects of another. */
interface Edge {
  readonly meta: EntityMetadata;
  readonly prop: EntityProperty;
}

/** A row that refers to an object which is to be deleted. */
interface ReferringRow extends Edge {
  readonly id: string;
  readonly row: Dictionary;
}

/** Marks objects to delete that other rows refer to. One SELECT for each foreign key to their classes. */
export async function findReferring(em: EntityManager, drafts: PlannedDrafts): Promise<void> {
  const doomed = drafts.all.filter(draft => draft.present && !draft.willExist && !draft.obstacle);
  for (const [tracked, ofClass] of Map.groupBy(doomed, draft => draft.tracked)) {
    const byId = new Map(ofClass.map(draft => [draft.objectId, draft]));
    for (const edge of edgesTo(em, tracked.meta)) {
      for (const referring of await rowsOf(em, edge, tracked.meta, [...byId.keys()])) {
        const draft = byId.get(targetId(em, edge.prop, referring.row));
        if (!draft || draft.obstacle || isLeaving(referring, draft, drafts)) continue;
        const what = isOwnPivot(edge.meta)
          ? `a link of ${edge.meta.className}`
          : `${edge.meta.className} ${referring.id}`;
        draft.obstacle = { reason: 'still-referred-to', detail: `${what} refers to it` };
      }
    }
  }
}

async function rowsOf(
  em: EntityManager,
  { meta, prop }: Edge,
  target: EntityMetadata,
  ids: readonly string[],
): Promise<ReferringRow[]> {
  const targets = new RowLookup(em, target);
  const lookup = new RowLookup(em, meta);
  const condition = (chunk: readonly string[]) => ({ [prop.name]: { $in: chunk.map(id => targets.reference(id)) } });
  const rows = await lookup.find(ids, condition, [prop.name]);
  return rows.map(row => ({ meta, prop, row, id: lookup.objectId(row) }));
}

/** Whether the plan itself deletes the row, points it elsewhere, or takes the link away. */
function isLeaving({ meta, prop, id, row }: ReferringRow, target: ObjectDraft, drafts: PlannedDrafts): boolean {
  if (isOwnPivot(meta)) return isUnlinked(meta, row, target, drafts);
  const draft = drafts.of(meta).get(id);
  if (!draft) return false;
  const value = draft.values.find(one => one.name === prop.name);
  return !draft.willExist || (value !== undefined && !equal(value.willBe, value.is));
}

function isUnlinked(pivot: EntityMetadata, row: Dictionary, target: ObjectDraft, drafts: PlannedDrafts): boolean {
  const [ownerProp] = endsOf(pivot);
  const ownerId = keyText([row[ownerProp!.name]].flat(Infinity) as never);
  const owner = drafts.of(ownerProp!.targetMeta!).get(ownerId);
  if (!owner) return false;
  const isOfTarget = (text: string) => keyText([JSON.parse(text)].flat() as never) === target.objectId;
  return !owner.willExist || owner.values.some(one => isLink(one) && isOfTarget(one.target) && one.willBe === false);
}

/** What refers to a table; links are asked from their target's side, because their owner's history tells of them. */
function edgesTo(em: EntityManager, target: EntityMetadata): Edge[] {
  return [...em.getMetadata()].filter(isTable).flatMap(meta => {
    const props = isOwnPivot(meta) ? endsOf(meta).slice(1) : meta.relations.filter(prop => isOwn(prop, meta));
    return props
      .filter(prop => isForeignKey(prop) && isSameTable(prop.targetMeta!, target))
      .map(prop => ({ meta, prop }));
  });
}

function isTable(meta: EntityMetadata): boolean {
  return !meta.embeddable && !meta.virtual && !meta.view && !meta.abstract && Boolean(meta.tableName);
}

/** Relations of a base class are asked there. */
function isOwn(prop: EntityProperty, meta: EntityMetadata): boolean {
  const base = meta.tptParent ?? (meta.root === meta ? undefined : meta.root);
  return !base || base.abstract || !(prop.name in base.properties);
}

function isForeignKey(prop: EntityProperty): boolean {
  const isToOne = prop.kind === ReferenceKind.MANY_TO_ONE || (prop.kind === ReferenceKind.ONE_TO_ONE && prop.owner);
  return isToOne && prop.persist !== false && !prop.polymorphic && !prop.targetKey && prop.targetMeta !== undefined;
}

/** MikroORM's own table of links, which has no history but its owner's. */
function isOwnPivot(meta: EntityMetadata): boolean {
  return meta.pivotTable === true && meta.className === meta.tableName;
}

/** The owner's end first. */
function endsOf(pivot: EntityMetadata): EntityProperty[] {
  return pivot.relations.filter(isForeignKey);
}

function targetId(em: EntityManager, prop: EntityProperty, row: Dictionary): string {
  const lookup = new RowLookup(em, prop.targetMeta!);
  const [name] = prop.targetMeta!.primaryKeys;
  return prop.targetMeta!.primaryKeys.length === 1
    ? lookup.objectId({ [name!]: row[prop.name] })
    : lookup.objectId(
        Object.fromEntries(prop.targetMeta!.primaryKeys.map((key, i) => [key, (row[prop.name] as unknown[])[i]])),
      );
}
