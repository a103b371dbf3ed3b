import { type EntityManager, type EntityName, type Primary, Utils } from '@mikro-orm/core';
import type { ObjectDelta } from '../model/object-delta.entity.js';
import type { Revision } from '../model/revision.entity.js';
import { runtimeOf } from '../runtime.js';
import type { DeltaFilter, ObjectDeltaFilter, PageOptions, RevisionFilter } from './filter/history-filter.js';
import { countDeltas, countRevisions, findDeltas, findRevisions } from './find-history.js';
import type { Page } from './page.js';

type ObjectArguments<T extends object> = [
  entity: EntityName<T>,
  key: Primary<T>,
  filter?: ObjectDeltaFilter<T> & PageOptions,
];

/** A filter is a plain object, which no class and no schema is. */
function filterOf<T extends object>(
  args: ObjectArguments<T> | [filter?: DeltaFilter<T> & PageOptions],
): DeltaFilter<T> & PageOptions {
  const [first = {}] = args;
  if (Utils.isPlainObject(first)) return first as DeltaFilter<T> & PageOptions;
  const [type, key, filter] = args as ObjectArguments<T>;
  return { ...filter, type, keys: [key] };
}

/** Reads what was recorded. Reads only; in a transaction it sees that transaction's own changes. */
export class HistoryService {
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
  async revisions<T extends object = object>(filter: RevisionFilter<T> & PageOptions = {}): Promise<Page<Revision>> {
    return findRevisions(await this.#reader(), filter);
  }

  /** How many revisions a filter leaves. One SELECT. Throws what {@link revisions} throws. */
  async countRevisions<T extends object = object>(filter: RevisionFilter<T> = {}): Promise<number> {
    return countRevisions(await this.#reader(), filter);
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
    filter?: ObjectDeltaFilter<T> & PageOptions,
  ): Promise<Page<ObjectDelta>>;
  /**
   * What happened, to objects of any class, with the revision of each delta. One SELECT. Throws what the other form
   * throws.
   */
  async deltas<T extends object = object>(filter?: DeltaFilter<T> & PageOptions): Promise<Page<ObjectDelta>>;
  async deltas<T extends object>(
    ...args: ObjectArguments<T> | [filter?: DeltaFilter<T> & PageOptions]
  ): Promise<Page<ObjectDelta>> {
    return findDeltas(await this.#reader(), filterOf(args));
  }

  /** How many deltas a filter leaves. One SELECT. Throws what {@link deltas} throws. */
  async countDeltas<T extends object = object>(filter: DeltaFilter<T> = {}): Promise<number> {
    return countDeltas(await this.#reader(), filter);
  }

  async #reader(): Promise<EntityManager> {
    const em = this.#em.getContext(false);
    await runtimeOf(em).writePending(em);
    return em.fork({ keepTransactionContext: true });
  }
}
