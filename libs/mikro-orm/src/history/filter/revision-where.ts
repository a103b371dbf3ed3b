import type { EntityManager, ObjectQuery } from '@mikro-orm/core';
import type { Actor } from '../../context/actor.js';
import type { ObjectDelta } from '../../model/object-delta.entity.js';
import type { Revision } from '../../model/revision.entity.js';
import { runtimeOf } from '../../runtime.js';
import { storedActor } from '../../tracking/stored-actor.js';
import { changeWhere, involvingWhere } from './delta-where.js';
import type { RevisionFilter } from './history-filter.js';
import { recordedWhere } from './recorded-where.js';

type Where = ObjectQuery<Revision>;

/** Conditions on revisions, all of which have to hold; those on changes have to hold together for one delta. */
export function revisionWhere<T extends object>(em: EntityManager, filter: RevisionFilter<T>): Where[] {
  const { actor, involving, description, where } = filter;
  const by = (one: Actor) => storedActor(one, runtimeOf(em).entities);
  const changes = changeWhere(em, filter);
  return [
    ...recordedWhere(filter),
    ...(actor === undefined ? [] : [by(actor)]),
    ...(involving === undefined ? [] : [{ $or: [by(involving), withDelta([involvingWhere(em, involving)])] }]),
    ...(description === undefined ? [] : [{ description }]),
    ...(changes.length === 0 ? [] : [withDelta(changes)]),
    ...(where === undefined ? [] : [where]),
  ] as Where[];
}

function withDelta(conditions: readonly ObjectQuery<ObjectDelta>[]): Where {
  return { objectDeltas: { $some: { $and: conditions } } } as Where;
}
