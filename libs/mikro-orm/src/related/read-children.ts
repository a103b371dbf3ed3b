import type { EntityManager } from '@mikro-orm/core';
import { familyOf } from '../history/concrete-target.js';
import { runtimeOf } from '../runtime.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { type FollowedEdge, followEdges } from './follow-edges.js';
import { readLiveReferences } from './live-references.js';
import { ALWAYS, intersect } from './period.js';
import type { RelatedObject } from './related-object.js';
import type { LinkEdge, ReferenceEdge } from './relation-edge.js';
import { readRelationEvents, type RelationEvent } from './relation-events.query.js';
import { objectIdOf, referenceInKey } from './stored-reference.js';
import { type Tie, tiesOfLinks, tiesOfReferences } from './ties.js';

/** What belonged to some objects, or was linked with them, while these belonged to the one asked for. */
export async function readChildren(em: EntityManager, parents: readonly RelatedObject[]): Promise<RelatedObject[]> {
  const followed = followEdges(em, parents);
  const events = Map.groupBy(await readRelationEvents(em, followed), ({ edge }) => edge);
  const children: RelatedObject[] = [];
  for (const [index, { edge, ...one }] of followed.entries()) {
    const own = events.get(index) ?? [];
    if (edge.kind === 'link') children.push(...linkedObjects(em, { edge, ...one }, own));
    else children.push(...(await referringObjects(em, { edge, ...one }, own)));
  }
  return children;
}

function linkedObjects(
  em: EntityManager,
  { edge, byId, byReference }: FollowedEdge<LinkEdge>,
  events: readonly RelationEvent[],
): RelatedObject[] {
  const { owners, prop, from } = edge;
  const target = runtimeOf(em).entities.find(prop.targetMeta!.class)!;
  const targets = familyOf(em, target);
  return tiesOfLinks(events).flatMap(tie =>
    from === 'target'
      ? related(byReference.get(JSON.stringify(tie.key)), owners, tie.holder, tie)
      : related(byId.get(tie.holder), targets, objectIdOf(target, tie.key), tie),
  );
}

async function referringObjects(
  em: EntityManager,
  followed: FollowedEdge<ReferenceEdge>,
  events: readonly RelationEvent[],
): Promise<RelatedObject[]> {
  const { edge, byReference } = followed;
  const ties = edge.prop.primary ? tiesOfKeys(edge, events) : await tiesOfColumns(em, followed, events);
  return ties.flatMap(tie => related(byReference.get(JSON.stringify(tie.key)), edge.children, tie.holder, tie));
}

/** An object whose key refers to another one refers to it for as long as it lives. */
function tiesOfKeys({ prop, children: [child] }: ReferenceEdge, events: readonly RelationEvent[]): Tie[] {
  return events.map(({ object_id: holder }) => ({
    holder,
    key: referenceInKey({ tracked: child!, objectId: holder }, prop),
    period: ALWAYS,
  }));
}

/** What has no event in the history but is there now has always been so, as far as anybody knows. */
async function tiesOfColumns(
  em: EntityManager,
  followed: FollowedEdge<ReferenceEdge>,
  events: readonly RelationEvent[],
): Promise<Tie[]> {
  const recorded = new Set(events.map(({ object_id: id }) => id));
  const live = await readLiveReferences(em, followed);
  return [...tiesOfReferences(events), ...live.filter(({ holder }) => !recorded.has(holder))];
}

function related(
  parent: RelatedObject | undefined,
  classes: readonly TrackedEntity[],
  objectId: string,
  { period }: Tie,
): RelatedObject[] {
  const periods = parent ? intersect([period], parent.periods) : [];
  return periods.length > 0 ? [{ classes, objectId, periods }] : [];
}
