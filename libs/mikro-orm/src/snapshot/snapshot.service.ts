import type { EntityManager, EntityName, Primary } from '@mikro-orm/core';
import { concreteTarget } from '../history/concrete-target.js';
import { type AsOfOptions, readAsOf } from '../as-of/as-of.js';
import { type ObjectPoint, type Point, pointCondition, type PointCondition } from '../history/point.js';
import { query } from '../history/query.js';
import { type Target, targetOf } from '../history/target.js';
import type { JsonRecord } from '../model/json.js';
import { PointBeforeHistoryError, UnknownRevisionError, UnknownVersionError } from '../revy.errors.js';
import { runtimeOf } from '../runtime.js';
import { readLiveRow } from './live-row.js';
import { decodeState, hydrate, hydrateRevision, type KnownState } from './hydrate.js';
import type { Snapshot } from './snapshot.js';
import { type LaterValues, laterValuesStatement, type SnapshotRow, snapshotStatement } from './snapshot.query.js';

/** Options of {@link SnapshotService.at}. */
export interface SnapshotOptions {
  /**
   * Whether an object that had been deleted by then is shown as it was deleted, with `isDeleted`, in place of `null`.
   *
   * @defaultValue `false`
   */
  readonly includeDeleted?: boolean;
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
   * in the database takes one more to tell its own class.
   *
   * @param point without one, the latest state that is recorded, whatever the clocks say
   * @returns `null` if the object did not exist then
   * @throws {UntrackedEntityError} if the class is not tracked
   * @throws {UnusableKeyError} if the key does not fit the class
   * @throws {UnusablePointError} if the point is none
   * @throws {UnknownRevisionError} if the point names a revision that does not exist
   * @throws {UnknownVersionError} if the object has no version of that number
   * @throws {PointBeforeHistoryError} if the object is older than its history, and the point lies before it
   */
  async at<T extends object>(
    entity: EntityName<T>,
    key: Primary<T>,
    point?: ObjectPoint,
    options: SnapshotOptions = {},
  ): Promise<Snapshot<T> | null> {
    const em = this.#em.getContext(false);
    const condition = pointCondition(point);
    const target = await concreteTarget(em, targetOf(em, entity, key));
    const row = await readSnapshotRow(em, target, condition);
    refuseUnknownPoint(target, condition, row);
    if (row.action === 'delete' && !options.includeDeleted) return null;
    const state = await knownState(em, target, row, condition);
    if (!state) return null;
    return {
      entity: hydrate<T>(em, target.tracked, target.objectId, state.data),
      unknown: state.unknown,
      point,
      version: row.version ?? 0,
      revision: row.revision && hydrateRevision(em.fork({ keepTransactionContext: true }), row.revision),
      isDeleted: row.action === 'delete',
      isLive: row.action !== 'delete' && row.id === row.last_id,
    };
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

/** What is known of the object; nothing if it did not exist. */
async function knownState(
  em: EntityManager,
  target: Target,
  row: SnapshotRow,
  point: PointCondition,
): Promise<KnownState | undefined> {
  const isBeforeCreate = row.id === null && row.first_action === 'create';
  if (isBeforeCreate) return undefined;
  const known = decodeState(target.tracked, row.state ?? {});
  const canBeMissing = known.unknown.some(name => isRecorded(target, name));
  if (row.id !== null && (row.action === 'delete' || !canBeMissing)) return known;
  const earlier = await earlierValues(em, target, row);
  if (!earlier) return row.id === null ? undefined : known;
  if (row.id === null) refuseBeforeHistory(target, row, point);
  return decodeState(target.tracked, { ...earlier, ...row.state });
}

function isRecorded({ tracked }: Target, name: string): boolean {
  const attribute = tracked.attributes.get(name);
  return attribute !== undefined && !attribute.isMasked;
}

/** Values that the object had before its history began: what later deltas say they replaced, else the live row's. */
async function earlierValues(em: EntityManager, target: Target, row: SnapshotRow): Promise<JsonRecord | undefined> {
  const select = laterValuesStatement(runtimeOf(em).tables);
  const [later] = await query<LaterValues>(em, select, [target.type, target.objectId, row.id ?? 0]);
  if (later!.is_created) return undefined;
  const live = later!.is_replaced_later ? undefined : await readLiveRow(em, target);
  return later!.values || live ? { ...live, ...later!.values } : undefined;
}

function refuseBeforeHistory({ tracked, objectId }: Target, row: SnapshotRow, point: PointCondition): void {
  const since = row.since === null ? new Date() : new Date(row.since);
  if (point.kind === 'date' && new Date(point.value!) < since) {
    throw new PointBeforeHistoryError(tracked.meta.className, objectId, since);
  }
}
