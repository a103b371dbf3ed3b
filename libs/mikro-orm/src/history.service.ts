import { type EntityManager, type EntityName, type Primary, Utils } from '@mikro-orm/core';
import type { ObjectDelta } from './model/object-delta.entity.js';
import type { Revision } from './model/revision.entity.js';
import { runtimeOf } from './runtime.js';
import type { DeltaFilter, ObjectDeltaFilter, PageOptions, RevisionFilter } from './history/filter/history-filter.js';
import { type Activity, type ActivityOptions, readActivity } from './history/activity.js';
import { countDeltas, countRevisions, findDeltas, findRevisions } from './history/find-history.js';
import { concreteTarget } from './history/concrete-target.js';
import { DifferentClassesError } from './history/history.errors.js';
import type { Page } from './history/page.js';
import type { ObjectPoint } from './history/point.js';
import { readChanges, type RevisionChanges } from './history/revision-changes.js';
import { targetOf } from './history/target.js';
import { findRelated, type RelatedOptions } from './related/find-related.js';
import type { Blame } from './versions/blame.js';
import type { Diff, DiffOptions, ObjectAtPoint } from './versions/diff.js';
import { ObjectVersions, type VersionOptions } from './versions/object-versions.js';
import { readBlame } from './versions/read-blame.js';
import { readDiff } from './versions/read-diff.js';
import type { Version } from './versions/version.js';

type ObjectArguments<T extends object> = [
  entity: EntityName<T>,
  key: Primary<T>,
  filter?: ObjectDeltaFilter<T> & PageOptions,
];

type DiffArguments<T extends object> =
  | [entity: EntityName<T>, key: Primary<T>, from: ObjectPoint, to?: ObjectPoint, options?: DiffOptions<T>]
  | [from: ObjectAtPoint<T>, to: ObjectAtPoint<T>, options?: DiffOptions<T>];

interface Comparison<T extends object> {
  readonly from: ObjectAtPoint<T>;
  readonly to: ObjectAtPoint<T>;
  readonly options: DiffOptions<T> | undefined;
}

function comparison<T extends object>(args: DiffArguments<T>): Comparison<T> {
  if (Utils.isPlainObject(args[0])) {
    const [from, to, options] = args as [ObjectAtPoint<T>, ObjectAtPoint<T>, DiffOptions<T>?];
    return { from, to, options };
  }
  const [type, key, from, to, options] = args as [
    EntityName<T>,
    Primary<T>,
    ObjectPoint,
    ObjectPoint?,
    DiffOptions<T>?,
  ];
  return { from: { type, key, at: from }, to: { type, key, at: to }, options };
}

/** A filter is a plain object, which no class and no schema is. */
function filterOf<T extends object>(
  args: ObjectArguments<T> | [filter?: DeltaFilter<T> & PageOptions],
): DeltaFilter<T> & PageOptions {
  const [first = {}] = args;
  if (Utils.isPlainObject(first)) return first as DeltaFilter<T> & PageOptions;
  const [type, key, filter] = args as ObjectArguments<T>;
  return { ...filter, type, keys: [key] };
}

/**
 * Reads what was recorded. Reads only; in a transaction it sees that transaction's own changes.
 *
 * Where entities of the application are in the places of {@link Revision} and {@link ObjectDelta}, it is a
 * `HistoryService<AuditRevision, AuditDelta>`.
 */
export class HistoryService<R extends Revision = Revision, D extends ObjectDelta = ObjectDelta> {
  readonly #em: EntityManager;

  /** @param em any entity manager of an ORM with the extension; its transaction is used, its identity map is not */
  constructor(em: EntityManager) {
    this.#em = em;
  }

  /**
   * Revisions, oldest first unless asked otherwise: by what they say of themselves, and by what they changed. One
   * SELECT.
   *
   * @throws {UntrackedEntityError} if a class is not tracked
   * @throws {UnusableKeyError} if a key does not fit its class
   * @throws {UnknownAttributeError} if none of the classes has an attribute of that name
   * @throws {MaskedValueError} if the values of a masked attribute are asked for
   * @throws {UnusableFilterError} if a filter has a value that it cannot take
   * @throws {UnusableCursorError} if `after` is not the `next` of a page of revisions
   */
  async revisions<T extends object = object>(filter: RevisionFilter<T, R> & PageOptions = {}): Promise<Page<R>> {
    return (await findRevisions(await this.#reader(), filter as RevisionFilter<T>)) as Page<R>;
  }

  /** How many revisions a filter leaves. One SELECT. Throws what {@link HistoryService.revisions} throws. */
  async countRevisions<T extends object = object>(filter: RevisionFilter<T, R> = {}): Promise<number> {
    return countRevisions(await this.#reader(), filter as RevisionFilter<T>);
  }

  /**
   * How the revisions that a filter leaves are spread over time, in steps whose length fits the time between the first and
   * the last. One SELECT, which reads the times of all of them.
   *
   * Throws what {@link HistoryService.revisions} throws, and an {@link UnusableFilterError} for fewer than two steps.
   */
  async activity<T extends object = object>(filter: RevisionFilter<T, R> & ActivityOptions = {}): Promise<Activity> {
    return readActivity(await this.#reader(), filter as RevisionFilter<T> & ActivityOptions);
  }

  /**
   * What happened to one object, with the revision of each delta; also after it was deleted. One SELECT.
   *
   * @throws {UntrackedEntityError} if the class is not tracked
   * @throws {UnusableKeyError} if the key does not fit the class
   * @throws {UnknownAttributeError} if the class has no attribute of that name
   * @throws {MaskedValueError} if the values of a masked attribute are asked for
   * @throws {UnusableFilterError} if a filter has a value that it cannot take
   * @throws {UnusableCursorError} if `after` is not the `next` of a page of deltas
   */
  async deltas<T extends object>(
    entity: EntityName<T>,
    key: Primary<T>,
    filter?: ObjectDeltaFilter<T, D> & PageOptions,
  ): Promise<Page<D>>;
  /**
   * What happened, to objects of any class, with the revision of each delta. One SELECT. Throws what the other form
   * throws.
   */
  async deltas<T extends object = object>(filter?: DeltaFilter<T, D> & PageOptions): Promise<Page<D>>;
  async deltas<T extends object>(
    ...args: ObjectArguments<T> | [filter?: DeltaFilter<T, D> & PageOptions]
  ): Promise<Page<D>> {
    const filter = filterOf<T>(args as ObjectArguments<T> | [filter?: DeltaFilter<T> & PageOptions]);
    return (await findDeltas(await this.#reader(), filter)) as Page<D>;
  }

  /** How many deltas a filter leaves. One SELECT. Throws what `deltas` throws. */
  async countDeltas<T extends object = object>(filter: DeltaFilter<T, D> = {}): Promise<number> {
    return countDeltas(await this.#reader(), filter as DeltaFilter<T>);
  }

  /**
   * Everything that a revision changed, by stored type and action, each in the order in which it was recorded. One
   * SELECT. Of a revision that does not exist, nothing.
   */
  async changes(revision: number | Revision): Promise<RevisionChanges> {
    return readChanges(await this.#reader(), revision);
  }

  /**
   * The versions of one object, oldest first unless asked otherwise; also after it was deleted, and made again under the
   * same key. One SELECT, however long the history is; one or two more if the object is asked for by a class that others
   * inherit from in the database.
   *
   * @throws {UntrackedEntityError} if the class is not tracked
   * @throws {UnusableKeyError} if the key does not fit the class
   * @throws {UnusableCursorError} if `after` is not the `next` of a page of versions
   */
  async versions<T extends object>(
    entity: EntityName<T>,
    key: Primary<T>,
    options: VersionOptions = {},
  ): Promise<Page<Version<T>>> {
    return (await this.#versionsOf(entity, key)).page(options);
  }

  /**
   * The version that one object had at a point: the last one that is valid from then or earlier, a deletion as well. One
   * SELECT; one or two more if the object is asked for by a class that others inherit from in the database.
   *
   * @returns `null` if nothing had been recorded of the object by then
   * @throws {UntrackedEntityError} if the class is not tracked
   * @throws {UnusableKeyError} if the key does not fit the class
   * @throws {UnusablePointError} if the point is none
   * @throws {UnknownRevisionError} if the point names a revision that does not exist
   * @throws {UnknownVersionError} if the object has no version of that number
   */
  async versionAt<T extends object>(
    entity: EntityName<T>,
    key: Primary<T>,
    point: ObjectPoint,
  ): Promise<Version<T> | null> {
    return (await this.#versionsOf(entity, key)).at(point);
  }

  /**
   * What differs between two points of one object: values with their types, and what was added to the collections that
   * its class owns and removed from them. Those that others own are compared where `attributes` names them, which reads
   * the histories of these others.
   *
   * At most three SELECTs for each of the two states, and one for the collections; one for the present content of each
   * where the object did not exist at one of the points; one or two more if the object is asked for by a class that others
   * inherit from in the database.
   *
   * @param to without it, the latest state that is recorded
   * @returns `null` if the object existed at neither point
   * @throws {UntrackedEntityError} if the class is not tracked
   * @throws {UnusableKeyError} if the key does not fit the class
   * @throws {UnknownAttributeError} if the class has no attribute that the options name
   * @throws {UnusablePointError} if a point is none
   * @throws {UnknownRevisionError} if a point names a revision that does not exist
   * @throws {UnknownVersionError} if the object has no version of that number
   * @throws {PointBeforeHistoryError} if the object is older than its history, and a point lies before it
   */
  async diff<T extends object>(
    entity: EntityName<T>,
    key: Primary<T>,
    from: ObjectPoint,
    to?: ObjectPoint,
    options?: DiffOptions<NoInfer<T>>,
  ): Promise<Diff<T> | null>;
  /**
   * What differs between two objects of one class, each at a point of its own. Costs, and throws, what the other form
   * does, and reads the present content of each collection.
   *
   * @throws {DifferentClassesError} if they are asked for by different classes
   */
  async diff<T extends object>(
    from: ObjectAtPoint<T>,
    to: ObjectAtPoint<NoInfer<T>>,
    options?: DiffOptions<NoInfer<T>>,
  ): Promise<Diff<T> | null>;
  async diff<T extends object>(...args: DiffArguments<T>): Promise<Diff<T> | null> {
    const em = this.#em.getContext(false);
    const { from, to, options = {} } = comparison(args);
    const [first, second] = [targetOf(em, from.type, from.key), targetOf(em, to.type, to.key)];
    if (first.tracked !== second.tracked) {
      throw new DifferentClassesError(first.tracked.meta.className, second.tracked.meta.className);
    }
    const target = await concreteTarget(em, first);
    const other = first.objectId === second.objectId ? target : await concreteTarget(em, second);
    return readDiff<T>(em, { target, point: from.at }, { target: other, point: to.at }, options);
  }

  /**
   * Who set the value of each attribute of an object, when and why: the present one, or that of a point; of a deleted
   * object its last values. One SELECT, and at most three for the values; one or two more if the object is asked for by a
   * class that others inherit from in the database.
   *
   * @returns `null` if the object is neither in the history nor in its table, or did not exist at the point
   * @throws {UntrackedEntityError} if the class is not tracked
   * @throws {UnusableKeyError} if the key does not fit the class
   * @throws {UnusablePointError} if the point is none
   * @throws {UnknownRevisionError} if the point names a revision that does not exist
   * @throws {UnknownVersionError} if the object has no version of that number
   * @throws {PointBeforeHistoryError} if the object is older than its history, and the point lies before it
   */
  async blame<T extends object>(entity: EntityName<T>, key: Primary<T>, point?: ObjectPoint): Promise<Blame<T> | null> {
    const em = this.#em.getContext(false);
    return readBlame<T>(em, await concreteTarget(em, targetOf(em, entity, key)), point);
  }

  /**
   * One timeline of an object and of those that belonged to it at the time: that referred to it by a to-one relation, or
   * were linked with it by a many-to-many one. What they did before and afterwards is left out.
   *
   * For each level of depth one SELECT in the history and one for the present rows or links of each relation, and one for
   * the deltas, however many objects there are. The histories of the classes with such relations are read whole.
   *
   * @throws {UntrackedEntityError} if the class is not tracked
   * @throws {UnusableKeyError} if the key does not fit the class
   * @throws {UnusableFilterError} if the depth is not a whole number from 0
   * @throws {UnusableCursorError} if `after` is not the `next` of a page of deltas
   */
  async related<T extends object>(
    entity: EntityName<T>,
    key: Primary<T>,
    options: RelatedOptions = {},
  ): Promise<Page<ObjectDelta>> {
    const em = await this.#reader();
    return findRelated(em, targetOf(em, entity, key), options);
  }

  async #versionsOf<T extends object>(entity: EntityName<T>, key: Primary<T>): Promise<ObjectVersions<T>> {
    const em = this.#em.getContext(false);
    return new ObjectVersions<T>(em, await concreteTarget(em, targetOf(em, entity, key)));
  }

  async #reader(): Promise<EntityManager> {
    const em = this.#em.getContext(false);
    await runtimeOf(em).writePending(em);
    return em.fork({ keepTransactionContext: true });
  }
}
