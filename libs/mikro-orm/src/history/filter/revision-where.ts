import type { EntityManager, ObjectQuery } from '@mikro-orm/core';
import type { QBFilterQuery, SqlEntityManager } from '@mikro-orm/sql';
import type { Actor } from '../../context/actor.js';
import { ObjectDelta } from '../../model/object-delta.entity.js';
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
    ...(involving === undefined ? [] : [{ $or: [by(involving), withDelta(em, [involvingWhere(em, involving)])] }]),
    ...(description === undefined ? [] : [{ description }]),
    ...(changes.length === 0 ? [] : [withDelta(em, changes)]),
    ...(where === undefined ? [] : [where]),
  ] as Where[];
}

/** Without a join, unlike a filter of the collection: half of the work where the deltas of everything are searched. */
function withDelta(em: EntityManager, conditions: readonly ObjectQuery<ObjectDelta>[]): Where {
  const revisions = (em as SqlEntityManager)
    .createQueryBuilder(ObjectDelta)
    .select('revision')
    .where({ $and: conditions } as QBFilterQuery<ObjectDelta>)
    .toRaw();
  return { id: { $in: revisions } } as unknown as Where;
}
