import type { EntityManager } from '@mikro-orm/core';
import type { PageOptions, RevisionFilter } from '../history/filter/history-filter.js';
import { revisionWhere } from '../history/filter/revision-where.js';
import { findRevisions } from '../history/find-history.js';
import { UnusableFilterError } from '../history/history.errors.js';
import { Revision } from '../model/revision.entity.js';
import { UnknownRevisionError } from '../history/point.errors.js';
import { NothingToRevertError } from './revert.errors.js';
import { existingRevisions } from './selection.js';

/** A revision, or its id. */
export type RevisionRef = number | Revision;

/** What a filter of revisions says, and how many of those that it finds. */
type RevisionSearch<T extends object> = RevisionFilter<T> & PageOptions;

/**
 * The ids of the revisions that are meant. One SELECT.
 *
 * @throws {UnknownRevisionError} if one of those that are named does not exist
 * @throws {UnusableFilterError} if the filter says nothing
 * @throws {NothingToRevertError} if a filter finds none
 */
export async function namedRevisions<T extends object>(
  em: EntityManager,
  named: RevisionRef | readonly RevisionRef[] | RevisionSearch<T>,
): Promise<number[]> {
  if (isSearch(named)) return found(em, named);
  const ids = ([named].flat() as RevisionRef[]).map(one => (one instanceof Revision ? one.id : one));
  const existing = await existingRevisions(em, ids);
  const missing = ids.find(id => !existing.has(id));
  if (missing !== undefined) throw new UnknownRevisionError(missing);
  return ids;
}

async function found<T extends object>(em: EntityManager, search: RevisionSearch<T>): Promise<number[]> {
  refuseOversight(em, search);
  const ids = (await findRevisions(em, search)).map(revision => revision.id);
  if (ids.length === 0) throw new NothingToRevertError('revert');
  return ids;
}

function isSearch<T extends object>(
  named: RevisionRef | readonly RevisionRef[] | RevisionSearch<T>,
): named is RevisionSearch<T> {
  return typeof named === 'object' && !Array.isArray(named) && !(named instanceof Revision);
}

/** What `history.revisions` leaves out would here undo more than was meant: up to the whole history. */
function refuseOversight<T extends object>(em: EntityManager, search: RevisionSearch<T>): void {
  for (const [name, value] of Object.entries(search)) {
    if (value === undefined)
      throw new UnusableFilterError(name, value, 'a value, or leave it out: a revert does not guess');
  }
  const isPart = search.limit !== undefined || (search.after ?? null) !== null;
  if (!isPart && revisionWhere(em, search).length === 0) {
    throw new UnusableFilterError('revisions', search, 'at least one condition: it would revert the whole history');
  }
}
