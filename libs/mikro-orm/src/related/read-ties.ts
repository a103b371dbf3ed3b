import type { EntityManager } from '@mikro-orm/core';
import { familyOf } from '../history/concrete-target.js';
import { readLiveLinks } from '../live/live-links.js';
import { runtimeOf } from '../runtime.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { FollowedEdge } from './follow-edges.js';
import { readLiveReferences } from './live-references.js';
import type { RelatedObject } from './related-object.js';
import type { LinkEdge, ReferenceEdge } from './relation-edge.js';
import { readRelationEvents, type RelationEvent } from './relation-events.query.js';
import { objectIdOf, referenceInKey } from './stored-reference.js';
import { type Tie, tiesOfLinks, tiesOfReferences } from './ties.js';

/** An object that belonged to another one, or was linked with it, and what began and ended that. */
export interface RelatedTie extends Pick<Tie, 'since' | 'until'> {
  readonly parent: RelatedObject;
  /** The classes that the object may be recorded as. */
  readonly classes: readonly TrackedEntity[];
  readonly objectId: string;
}

/**
 * What belonged to objects along some edges, for each of the edges. What the history never mentions, but is there now,
 * has always been so as far as anybody knows; without it, one SELECT is enough.
 */
export async function readTies(
  em: EntityManager,
  followed: readonly FollowedEdge[],
  which: 'all' | 'recorded',
): Promise<RelatedTie[][]> {
  const live = new Map<FollowedEdge, Tie[]>();
  if (which === 'all') for (const one of followed) live.set(one, await liveTies(em, one));
  const events = Map.groupBy(await readRelationEvents(em, followed), ({ edge }) => edge);
  return followed.map((one, index) => {
    const { edge } = one;
    const [own, present] = [events.get(index) ?? [], live.get(one) ?? []];
    return edge.kind === 'link'
      ? linkTies(em, { ...one, edge }, own, present)
      : referenceTies({ ...one, edge }, own, present);
  });
}

function liveTies(em: EntityManager, { edge, ...one }: FollowedEdge): Promise<Tie[]> {
  return edge.kind === 'link' ? liveLinkTies(em, { edge, ...one }) : readLiveReferences(em, { edge, ...one });
}

async function liveLinkTies(em: EntityManager, { edge, byId }: FollowedEdge<LinkEdge>): Promise<Tie[]> {
  const { prop, owners, from } = edge;
  const ends = { prop, owner: owners[0]!, target: targetOf(em, edge) };
  const links = await readLiveLinks(em, ends, from, [...byId.keys()]);
  return links.map(({ ownerId, stored }) => ({ holder: ownerId, key: stored }));
}

function targetOf(em: EntityManager, { prop }: LinkEdge): TrackedEntity {
  return runtimeOf(em).entities.find(prop.targetMeta!.class)!;
}

function linkTies(
  em: EntityManager,
  followed: FollowedEdge<LinkEdge>,
  events: readonly RelationEvent[],
  live: readonly Tie[],
): RelatedTie[] {
  const { owners, from } = followed.edge;
  const target = targetOf(em, followed.edge);
  const targets = familyOf(em, target);
  const recorded = tiesOfLinks(events);
  const mentioned = new Set(recorded.map(linkOf));
  return [...recorded, ...live.filter(tie => !mentioned.has(linkOf(tie)))].flatMap(tie =>
    from === 'target'
      ? related(followed.byReference.get(JSON.stringify(tie.key)), owners, tie.holder, tie)
      : related(followed.byId.get(tie.holder), targets, objectIdOf(target, tie.key), tie),
  );
}

function linkOf({ holder, key }: Tie): string {
  return JSON.stringify([holder, key]);
}

function referenceTies(
  followed: FollowedEdge<ReferenceEdge>,
  events: readonly RelationEvent[],
  live: readonly Tie[],
): RelatedTie[] {
  const { edge, byReference } = followed;
  const recorded = tiesOfReferences(edge.prop.primary ? withKeys(edge, events) : events);
  const mentioned = new Set(events.map(event => event.object_id));
  return [...recorded, ...live.filter(({ holder }) => !mentioned.has(holder))].flatMap(tie =>
    related(byReference.get(JSON.stringify(tie.key)), edge.children, tie.holder, tie),
  );
}

/** A reference that is part of the key stands in no delta. */
function withKeys({ prop, children: [child] }: ReferenceEdge, events: readonly RelationEvent[]): RelationEvent[] {
  return events.map(event => {
    const key = referenceInKey({ tracked: child!, objectId: event.object_id }, prop);
    return { ...event, old: key, new: key };
  });
}

function related(
  parent: RelatedObject | undefined,
  classes: readonly TrackedEntity[],
  objectId: string,
  { since, until }: Tie,
): RelatedTie[] {
  return parent ? [{ parent, classes, objectId, since, until }] : [];
}
