import type { EntityManager } from '@mikro-orm/core';
import type { PointCondition } from '../history/point.js';
import type { Json } from '../model/json.js';
import { queryPrimary } from '../history/query.js';
import { runtimeOf } from '../runtime.js';
import { type LinkEnds, type LiveLink, readLiveLinks } from '../live/live-links.js';
import { inRecordedOrder, type LinkEvent } from './link-order.js';
import { referenceTo, referredId } from './relation-key.js';
import { type CandidateRow, type LinkRow, linksStatement, unlinkedStatement } from './to-many.query.js';

/** A many-to-many collection, and the stored types under which its links are recorded: of all that may own them. */
export interface RecordedLinks extends LinkEnds {
  readonly ownerTypes: readonly string[];
}

/** Object ids by the object id of the other end; of owners' collections with an order in that one. */
export type IdsByObject = Map<string, Set<string>>;

/**
 * The links of owners at a point: what the last delta before it said of each link, else the opposite of what the first
 * one after it says, else whether the link is there now. Two SELECTs; where the owner is not tracked, the live links.
 */
export async function linksOfOwners(
  em: EntityManager,
  ends: RecordedLinks,
  point: PointCondition,
  ownerIds: readonly string[],
): Promise<IdsByObject> {
  const live = await readLiveLinks(em, ends, 'owner', ownerIds);
  const events = grouped(await linkEvents(em, ends, point, ownerIds), event => event.object_id);
  const liveOf = grouped(live, link => link.ownerId);
  return new Map(ownerIds.map(id => [id, foldLinks(ends, events.get(id) ?? [], liveOf.get(id) ?? [])]));
}

function grouped<Row>(rows: readonly Row[], key: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group) group.push(row);
    else groups.set(key(row), [row]);
  }
  return groups;
}

/** The owners that had links to targets at a point. Three SELECTs; where they are not tracked, the live links. */
export async function linksOfTargets(
  em: EntityManager,
  ends: RecordedLinks,
  point: PointCondition,
  targetIds: readonly string[],
): Promise<IdsByObject> {
  const live = await readLiveLinks(em, ends, 'target', targetIds);
  const ownerIds = new Set(live.map(({ ownerId }) => ownerId));
  for (const id of await unlinkedOwners(em, ends, point, targetIds)) ownerIds.add(id);
  const byTarget: IdsByObject = new Map(targetIds.map(id => [id, new Set()]));
  for (const [ownerId, targets] of await linksOfOwners(em, ends, point, [...ownerIds])) {
    for (const id of targets) byTarget.get(id)?.add(ownerId);
  }
  return byTarget;
}

async function linkEvents(
  em: EntityManager,
  { owner, ownerTypes, prop }: RecordedLinks,
  point: PointCondition,
  ownerIds: readonly string[],
): Promise<LinkRow[]> {
  if (ownerTypes.length === 0 || ownerIds.length === 0) return [];
  const statement = linksStatement(runtimeOf(em).tables, point);
  return queryPrimary<LinkRow>(em, statement, [ownerTypes, owner.names.of(prop.name), point.value, ownerIds]);
}

async function unlinkedOwners(
  em: EntityManager,
  { owner, ownerTypes, prop, target }: RecordedLinks,
  point: PointCondition,
  targetIds: readonly string[],
): Promise<string[]> {
  if (ownerTypes.length === 0) return [];
  const statement = unlinkedStatement(runtimeOf(em).tables, point);
  const keys = targetIds.map(objectId => JSON.stringify(referenceTo({ tracked: target, objectId })));
  const rows = await queryPrimary<CandidateRow>(em, statement, [
    ownerTypes,
    owner.names.of(prop.name),
    point.value,
    keys,
  ]);
  return rows.map(({ object_id: id }) => id);
}

/** The targets of one owner. */
function foldLinks(ends: LinkEnds, rows: readonly LinkRow[], live: readonly LiveLink[]): Set<string> {
  const events = rows.map(row => linkEvent(row, ends));
  const isLinked = new Map<string, boolean>();
  let isComplete = false;
  for (const { action, added, removed, isBefore } of events) {
    if (isBefore) {
      if (action !== 'update') isLinked.clear();
      isComplete ||= action !== 'update';
      for (const id of removed) isLinked.set(id, action === 'delete');
      for (const id of added) isLinked.set(id, true);
    } else if (!isComplete) {
      for (const id of added) if (!isLinked.has(id)) isLinked.set(id, false);
      for (const id of removed) if (!isLinked.has(id)) isLinked.set(id, true);
      isComplete = action !== 'update';
    }
  }
  const present = live.map(({ targetId }) => targetId);
  if (!isComplete) for (const id of present) if (!isLinked.has(id)) isLinked.set(id, true);
  const ids = new Set([...isLinked].filter(([, is]) => is).map(([id]) => id));
  return ends.prop.fixedOrder ? inRecordedOrder(ids, events, present) : ids;
}

function linkEvent({ action, links, is_before: isBefore, stood }: LinkRow, { target }: LinkEnds): LinkEvent {
  const idsOf = (keys: readonly Json[]) => keys.map(key => referredId(key, target));
  return {
    action,
    isBefore,
    added: idsOf(links?.added ?? []),
    removed: idsOf(links?.removed ?? []),
    order: links?.order && idsOf(links.order),
    stood: stood ? idsOf(stood) : undefined,
  };
}
