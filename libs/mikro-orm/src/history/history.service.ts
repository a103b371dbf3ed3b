import type { EntityManager, EntityName, FilterQuery, Primary } from '@mikro-orm/core';
import type { Actor } from '../context/actor.js';
import type { ObjectAction } from '../model/action.js';
import { ObjectDelta } from '../model/object-delta.entity.js';
import { Revision } from '../model/revision.entity.js';
import { UnknownAttributeError } from '../revy.errors.js';
import { runtimeOf } from '../runtime.js';
import { storedActor } from '../tracking/stored-actor.js';
import { concreteTarget } from './concrete-target.js';
import { targetOf } from './target.js';

/** What {@link HistoryService.revisions} and {@link HistoryService.deltas} can both be narrowed by. */
export interface HistoryFilter {
  /** An entity, a {@link SystemActor}, or `null` for the system. */
  readonly actor?: Actor;
  readonly description?: string;
  /** Recorded at this time or later. */
  readonly since?: Date;
  /** Recorded at this time or earlier. */
  readonly until?: Date;
  /**
   * Oldest or newest first.
   *
   * @defaultValue `'asc'`
   */
  readonly order?: 'asc' | 'desc';
  /** Continue behind this id, in the order asked for: the last one of the page before. */
  readonly after?: number;
  /**
   * At most so many.
   *
   * @defaultValue no limit
   */
  readonly limit?: number;
}

/** What the deltas of one object can be narrowed by. */
export interface DeltaFilter<T extends object> extends HistoryFilter {
  readonly action?: ObjectAction;
  /** Only deltas that touch this attribute. */
  readonly attribute?: Extract<keyof T, string>;
  /** Only the deltas of this revision. */
  readonly revision?: number | Revision;
}

/** Reads what was recorded. Reads only; in a transaction it sees that transaction's own changes. */
export class HistoryService {
  readonly #em: EntityManager;

  /** @param em any entity manager of an ORM with the extension; its transaction is used, its identity map is not */
  constructor(em: EntityManager) {
    this.#em = em;
  }

  /** Revisions, oldest first unless asked otherwise. One SELECT. */
  async revisions(filter: HistoryFilter = {}): Promise<Revision[]> {
    const em = await this.#reader();
    const where = { ...common(em, filter), ...recordedWithin(filter) } as FilterQuery<Revision>;
    return em.find(Revision, where, { orderBy: { id: filter.order ?? 'asc' }, limit: filter.limit });
  }

  /**
   * What happened to one object, with the revision of each delta; also after it was deleted. One SELECT; one or two
   * more if it is asked for by a class that others inherit from in the database.
   *
   * @throws {UntrackedEntityError} if the class is not tracked
   * @throws {UnusableKeyError} if the key does not fit the class
   * @throws {UnknownAttributeError} if the class has no such attribute
   */
  async deltas<T extends object>(
    entity: EntityName<T>,
    key: Primary<T>,
    filter: DeltaFilter<T> = {},
  ): Promise<ObjectDelta[]> {
    const em = await this.#reader();
    const { tracked, objectId } = await concreteTarget(em, targetOf(em, entity, key));
    const { attribute, action } = filter;
    if (attribute !== undefined && !(attribute in tracked.meta.properties)) {
      throw new UnknownAttributeError(tracked.meta.className, attribute, Object.keys(tracked.meta.properties));
    }
    const revision = revisionFilter(filter);
    const where = {
      ...common(em, filter),
      objectType: tracked.type,
      objectId,
      ...(action && { action }),
      ...(attribute !== undefined && {
        $or: [{ newValues: { $hasKey: attribute } }, { oldValues: { $hasKey: attribute } }],
      }),
      ...(Object.keys(revision).length > 0 && { revision }),
    } as FilterQuery<ObjectDelta>;
    const { order = 'asc', limit } = filter;
    return em.find(ObjectDelta, where, { populate: ['revision'], strategy: 'joined', orderBy: { id: order }, limit });
  }

  async #reader(): Promise<EntityManager> {
    const em = this.#em.getContext(false);
    await runtimeOf(em).writePending(em);
    return em.fork({ keepTransactionContext: true });
  }
}

function common(em: EntityManager, { actor, description, after, order }: HistoryFilter) {
  return {
    ...(actor !== undefined && storedActor(actor, runtimeOf(em).entities)),
    ...(description !== undefined && { description }),
    ...(after !== undefined && { id: order === 'desc' ? { $lt: after } : { $gt: after } }),
  };
}

function revisionFilter<T extends object>(filter: DeltaFilter<T>) {
  const { revision } = filter;
  // a revision that was never written has no id, and no deltas
  const id = revision instanceof Revision ? (revision.id ?? null) : revision;
  return { ...(id !== undefined && { id }), ...recordedWithin(filter) };
}

function recordedWithin({ since, until }: HistoryFilter) {
  const recordedAt = { ...(since && { $gte: since }), ...(until && { $lte: endOf(until) }) };
  return since || until ? { recordedAt } : {};
}

/** Dates of JavaScript stop at milliseconds, and what they show as the same time is the same. */
function endOf(until: Date): string {
  return until.toISOString().replace('Z', '999Z');
}
