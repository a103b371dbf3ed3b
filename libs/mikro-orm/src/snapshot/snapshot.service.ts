import type { AutoPath, EntityManager, EntityName, Primary } from '@mikro-orm/core';
import { concreteTarget } from '../history/concrete-target.js';
import { type AsOfOptions, readAsOf } from '../as-of/as-of.js';
import { type ObjectPoint, type Point, pointCondition, type PointCondition } from '../history/point.js';
import { query } from '../history/query.js';
import { type Target, targetOf, trackedOf } from '../history/target.js';
import { Revision } from '../model/revision.entity.js';
import { UnknownRevisionError, UnknownVersionError, UnusablePointError } from '../history/point.errors.js';
import { runtimeOf } from '../runtime.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { completeStates, type FoundState, type ObjectState } from './complete-states.js';
import { hydrateRevision } from './hydrate.js';
import type { ObjectCondition } from './object-condition.js';
import { populateTree } from './populate-tree.js';
import { readStates } from './read-states.js';
import { Relations } from './relations.js';
import { selectionOf } from './selection.js';
import type { Snapshot } from './snapshot.js';
import { type SnapshotRow, snapshotStatement } from './snapshot.query.js';
import { snapshotsOf } from './snapshots-of.js';

/** Options of {@link SnapshotService.at} and {@link SnapshotService.many}. */
export interface SnapshotOptions<T extends object = object, Hint extends string = never> {
  /**
   * Whether an object that had been deleted by then is shown as it was deleted, with `isDeleted`, in place of `null`.
   *
   * @defaultValue `false`
   */
  readonly includeDeleted?: boolean;
  /**
   * Paths of relations to read at the same point, as in `em.find`. What a populated to-one relation refers to and what
   * did not exist then is `null`; objects of untracked classes are as they are now.
   *
   * @defaultValue none: to-one relations are references, collections are not loaded
   */
  readonly populate?: readonly AutoPath<T, Hint>[];
}

/** Rebuilds objects as they were. Reads only; in a transaction it sees that transaction's own changes. */
export class SnapshotService<Em extends EntityManager = EntityManager> {
  readonly #em: Em;

  /** @param em any entity manager of an ORM with the extension; its transaction is used, its identity map is not */
  constructor(em: Em) {
    this.#em = em;
  }

  /**
   * One object as it was at a point.
   *
   * One SELECT, whatever the length of the history. An object that is older than its history takes one more for what
   * later changes tell of it, and one to read the live row. An object asked for by a class that others inherit from
   * in the database takes one more to tell its own class. Populated relations take as many as in {@link SnapshotService.many}.
   *
   * @param point without one, the latest state that is recorded, whatever the clocks say
   * @returns `null` if the object did not exist then
   * @throws {UntrackedEntityError} if the class is not tracked
   * @throws {UnusableKeyError} if the key does not fit the class
   * @throws {UnusablePointError} if the point is none
   * @throws {UnknownRevisionError} if the point names a revision that does not exist
   * @throws {UnknownVersionError} if the object has no version of that number
   * @throws {PointBeforeHistoryError} if the object is older than its history, and the point lies before it
   * @throws {UnknownRelationError} if a path to populate names no relation
   * @throws {UnreadableRelationError} if the mapping of a relation keeps its past from being read
   */
  async at<T extends object, Hint extends string = never>(
    entity: EntityName<T>,
    key: Primary<T>,
    point?: ObjectPoint,
    options: SnapshotOptions<T, Hint> = {},
  ): Promise<Snapshot<T, Hint> | null> {
    const em = this.#em.getContext(false);
    const asked = pointCondition(point);
    const target = await concreteTarget(em, targetOf(em, entity, key));
    const populate = checkedPaths(em, target.tracked, options.populate);
    const row = await readSnapshotRow(em, target, asked);
    refuseUnknownPoint(target, asked, row);
    if (row.action === 'delete' && !options.includeDeleted) return null;
    const states = await completeStates(em, [foundState(target, row)], { condition: asked, since: row.since });
    const [snapshot] = await snapshotsOf<T, Hint>(em, states.values(), {
      point,
      populate,
      condition: asked.kind === 'version' ? atRevision(row) : asked,
      revisions: revisionOf(em, row),
    });
    return snapshot ?? null;
  }

  /**
   * Objects as they were at a point: those of the given keys, in their order and each once, or those that satisfied a
   * condition then, in the order of their keys. Objects that did not exist then are left out.
   *
   * Two SELECTs, however many objects there are and however long their histories. Objects that are older than their
   * history take two more for all of them. Each step of a path to populate takes one to three, with as many for objects
   * older than their history; a to-many relation costs what was recorded since the point.
   *
   * A condition is evaluated here, on every object of the class that the history or the table has, unless it names keys
   * by equality: `{ id: [1, 2] }`.
   *
   * @param point without one, the latest state that is recorded, whatever the clocks say
   * @throws what {@link SnapshotService.at} throws, but for versions, which are no point of several objects
   * @throws {UnsupportedConditionError} if the condition is not on recorded attributes, or too much for this
   */
  async many<T extends object, Hint extends string = never>(
    entity: EntityName<T>,
    which: readonly Primary<T>[] | ObjectCondition<T>,
    point?: Point,
    options: SnapshotOptions<T, Hint> = {},
  ): Promise<Snapshot<T, Hint>[]> {
    const em = this.#em.getContext(false);
    const condition = pointCondition(point);
    if (condition.kind === 'version') throw new UnusablePointError(point);
    const tracked = trackedOf(em, entity);
    const populate = checkedPaths(em, tracked, options.populate);
    const selection = selectionOf(em, entity, which as readonly Primary<T>[] | ObjectCondition<T>);
    const states = await readStates(em, tracked, condition, selection.ids);
    const selected = selection.from(states).filter(state => !state.isDeleted || options.includeDeleted);
    const revisions = await loadRevisions(em, selected);
    return snapshotsOf<T, Hint>(em, selected, { point, condition, populate, revisions });
  }

  /**
   * Everything as it was at a point: what `read` asks its entity manager for, by `find`, `populate`, query builders,
   * Kysely or SQL, is what it would have been told then.
   *
   * It has an identity map and a transaction of its own, which only reads; in a transaction of the caller it reads in
   * that one. A global entity manager means this one as long as `read` runs. BEGIN, one SELECT and ROLLBACK are what is
   * added to the statements of `read`.
   *
   * @returns what `read` returns; entities in it are managed by an entity manager that has ended
   * @throws {UnusablePointError} if the point is none
   * @throws {AsOfVersionError} if the point is the version of one object
   * @throws {UnknownRevisionError} if the point names a revision that does not exist
   * @throws {AsOfBeforeHistoryError} if the point is a date before the first revision
   * @throws {AsOfWriteError} from whatever writes in `read`
   */
  async asOf<Result>(point: Point, read: (em: Em) => Promise<Result>, options: AsOfOptions = {}): Promise<Result> {
    return readAsOf(this.#em.getContext(false) as Em, point, read, options);
  }
}

function checkedPaths(em: EntityManager, tracked: TrackedEntity, populate: readonly unknown[] = []): readonly string[] {
  const paths = populate as readonly string[];
  new Relations(em).check(tracked, populateTree(paths));
  return paths;
}

async function readSnapshotRow(em: EntityManager, target: Target, point: PointCondition): Promise<SnapshotRow> {
  const select = snapshotStatement(runtimeOf(em).tables, point);
  const [row] = await query<SnapshotRow>(em, select, [target.type, target.objectId, point.value]);
  return row!;
}

function refuseUnknownPoint({ tracked, objectId }: Target, point: PointCondition, row: SnapshotRow): void {
  if (!row.point_exists) throw new UnknownRevisionError(point.value);
  const latest = row.last_version ?? 0;
  if (point.kind === 'version' && Number(point.value) > latest) {
    throw new UnknownVersionError(tracked.meta.className, objectId, point.value, latest);
  }
}

function foundState(target: Target, row: SnapshotRow): FoundState {
  return {
    target,
    delta: row.id,
    version: row.version ?? 0,
    action: row.action,
    revision: row.revision ? Number(row.revision['id']) : null,
    firstAction: row.first_action,
    isLast: row.id === row.last_id,
    values: target.tracked.names.toPresent(row.state ?? {}),
  };
}

/** A version of one object is, for others, what its revision left. */
function atRevision({ revision }: SnapshotRow): PointCondition {
  return pointCondition({ revision: Number(revision!['id']) });
}

function revisionOf(em: EntityManager, { revision }: SnapshotRow): Map<number, Revision> {
  if (!revision) return new Map();
  const loaded = hydrateRevision(em.fork({ keepTransactionContext: true }), revision);
  return new Map([[loaded.id, loaded]]);
}

async function loadRevisions(em: EntityManager, states: readonly ObjectState[]): Promise<Map<number, Revision>> {
  const ids = [...new Set(states.flatMap(({ revision }) => revision ?? []))];
  if (ids.length === 0) return new Map();
  const revisions = await em.fork({ keepTransactionContext: true }).find(Revision, ids, { filters: false });
  return new Map(revisions.map(revision => [revision.id, revision]));
}
