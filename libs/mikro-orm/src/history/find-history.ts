import { type EntityManager, type ObjectQuery, raw } from '@mikro-orm/core';
import type { QBFilterQuery, SqlEntityManager } from '@mikro-orm/sql';
import { ObjectDelta } from '../model/object-delta.entity.js';
import { Revision } from '../model/revision.entity.js';
import { deltaWhere } from './filter/delta-where.js';
import type { DeltaFilter, PageOptions, RevisionFilter } from './filter/history-filter.js';
import { revisionWhere } from './filter/revision-where.js';
import { type Page, pageOf, type PageRange, pageRange } from './page.js';

/** Revisions that a filter leaves, a page of them. One SELECT. */
export async function findRevisions<T extends object>(
  em: EntityManager,
  filter: RevisionFilter<T> & PageOptions,
): Promise<Page<Revision>> {
  const range = pageRange(filter, 'revisions');
  const where = all([...revisionWhere(em, filter), ...behind<Revision>(range)]);
  return pageOf(await em.find(Revision, where, findOptions(range)), range.limit, 'revisions');
}

export async function countRevisions<T extends object>(em: EntityManager, filter: RevisionFilter<T>): Promise<number> {
  return em.count(Revision, all(revisionWhere(em, filter)));
}

/** Deltas that a filter leaves, a page of them, with their revisions. One SELECT. */
export async function findDeltas<T extends object>(
  em: EntityManager,
  filter: DeltaFilter<T> & PageOptions,
): Promise<Page<ObjectDelta>> {
  const range = pageRange(filter, 'deltas');
  const where = all([...chosen(em, filter), ...behind<ObjectDelta>(range)]);
  const options = { ...findOptions(range), populate: ['revision'], strategy: 'joined' } as const;
  return pageOf(await em.find(ObjectDelta, where, options), range.limit, 'deltas');
}

export async function countDeltas<T extends object>(em: EntityManager, filter: DeltaFilter<T>): Promise<number> {
  return em.count(ObjectDelta, all(chosen(em, filter)));
}

function chosen<T extends object>(em: EntityManager, filter: DeltaFilter<T>): ObjectQuery<ObjectDelta>[] {
  const where = deltaWhere(em, filter);
  if (filter.only === undefined) return where;
  const id = raw(alias => `${filter.only === 'first' ? 'min' : 'max'}(${alias}.id)`);
  const ids = (em as SqlEntityManager)
    .createQueryBuilder(ObjectDelta)
    .select(id)
    .where(all(where) as QBFilterQuery<ObjectDelta>)
    .groupBy(['objectType', 'objectId'])
    .toRaw();
  return [{ id: { $in: ids } } as ObjectQuery<ObjectDelta>];
}

function all<T>(conditions: readonly ObjectQuery<T>[]): ObjectQuery<T> {
  return (conditions.length === 0 ? {} : { $and: conditions }) as ObjectQuery<T>;
}

function behind<T>({ order, after }: PageRange): ObjectQuery<T>[] {
  if (after === undefined) return [];
  return [{ id: order === 'desc' ? { $lt: after } : { $gt: after } } as object as ObjectQuery<T>];
}

function findOptions({ order, limit }: PageRange) {
  return { orderBy: { id: order }, ...(limit !== undefined && { limit: limit + 1 }) } as const;
}
