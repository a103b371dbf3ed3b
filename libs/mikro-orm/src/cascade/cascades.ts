import { type EntityManager, helper, type UnitOfWork } from '@mikro-orm/core';
import type { Change } from '../capture/change.js';
import { type AnyChangeSet, type FlushCapture, placeOf } from '../capture/flush-capture.js';
import { cascadedBy } from '../capture/read-changes.js';
import { CascadeChanges, followedBy } from './cascade-changes.js';
import type { CascadeMap } from './cascade-map.js';
import { deletedBy, groupsOf, isDeletion, keepForHandlers, keyOf } from './flush-group.js';
import { followKeys, withoutRepetitions } from './follow-keys.js';
import { tableOf } from './tables.js';
import { type DeletionRecording, takeAlong, type TakenAlong } from './take-along.js';

/** What the cascades of one flush changed: before, along with and after what the flush itself did. */
interface Recorded {
  readonly before: Change[];
  readonly keyChanges: Change[];
  readonly after: Change[];
  /** What is known only once it has happened. */
  readonly computed: TakenAlong['computed'][];
  readonly memory: TakenAlong['memory'][];
}

/** Deletions whose SQL runs together. */
interface Group {
  /** Before anything else, because something takes the place of what goes. */
  readonly isEarly: boolean;
  readonly schema: string | undefined;
}

/** What the database's rules, and the handlers in their place, do along with a flush. One for each ORM. */
export class Cascades {
  readonly #seen = new WeakSet<AnyChangeSet>();
  readonly #recorded = new WeakMap<FlushCapture, Recorded>();

  constructor(private readonly map: CascadeMap) {}

  onFlush(uow: UnitOfWork): void {
    keepForHandlers(uow, this.map.handled);
  }

  /** The first class that a flush deletes a row of, and whose rows take along what is tracked. */
  firstTracked(uow: UnitOfWork): string | undefined {
    const found = uow.getChangeSets().find(set => isDeletion(set) && this.map.leadsOn(set.meta, 'tracked'));
    return found && helper(found.entity as object).__meta.className;
  }

  /** Before the SQL of a group of deletions, or of updates that change keys: all together, when the first is announced. */
  beforeWrite(
    em: EntityManager,
    changeSet: AnyChangeSet,
    capture: FlushCapture | undefined,
  ): Promise<void> | undefined {
    if (changeSet.type === 'create' || this.#seen.has(changeSet)) return undefined;
    if (!isDeletion(changeSet)) {
      return capture && this.#changesKeys(changeSet) ? this.#beforeUpdate(em, changeSet, capture) : undefined;
    }
    const isReached = this.map.leadsOn(changeSet.meta, capture ? 'recording' : 'handling');
    return isReached ? this.#beforeDelete(em, changeSet, capture) : undefined;
  }

  async #beforeDelete(em: EntityManager, changeSet: AnyChangeSet, capture: FlushCapture | undefined): Promise<void> {
    const along = capture ? 'recording' : 'handling';
    const groups = groupsOf(em, changeSet);
    for (const set of [...groups.values()].flat()) this.#seen.add(set);
    const tools = this.map.tools(em, em.getTransactionContext(), along);
    const isEarly = changeSet.type === 'delete_early';
    for (const [schema, sets] of groups) {
      const { meta } = changeSet;
      const recording = capture && this.#recording(em, capture, { isEarly, schema });
      const doomed = { meta: tableOf(meta), from: meta.root, keys: sets.map(keyOf), schema };
      const taken = await takeAlong(doomed, tools, recording);
      await taken.carryOut();
      this.finishLater(em, capture, taken);
    }
  }

  async #beforeUpdate(em: EntityManager, changeSet: AnyChangeSet, capture: FlushCapture): Promise<void> {
    const tools = this.map.tools(em, em.getTransactionContext(), 'keyChanges');
    for (const [schema, sets] of groupsOf(em, changeSet)) {
      const changes = new CascadeChanges(this.map.entities, followedBy(capture.attribution), schema);
      const changing = sets.filter(set => this.#changesKeys(set));
      for (const set of changing) this.#seen.add(set);
      const followed = await followKeys(changing, schema, tools, changes);
      const recorded = this.#of(capture);
      append(recorded.before, followed.linksOfEnded);
      append(recorded.keyChanges, followed.changes);
      recorded.computed.push(followed.computed);
    }
  }

  /** The changes of a flush with those of its cascades, in the order in which they happened. Asked once, at its end. */
  async withCascades(capture: FlushCapture, flushed: readonly Change[]): Promise<readonly Change[]> {
    const recorded = this.#recorded.get(capture);
    if (!recorded) return flushed;
    const { before, keyChanges, after, computed, memory } = recorded;
    for (const ask of computed) append(after, await ask());
    for (const update of memory) capture.memory.push(update);
    return [...before, ...flushed, ...withoutRepetitions(keyChanges, flushed), ...after];
  }

  /** Keeps what is to be done once a flush has been read: what it says of its entities may not change before. */
  finishLater(em: EntityManager, capture: FlushCapture | undefined, { computed, memory }: TakenAlong): void {
    // outside a transaction nothing tracked is reached, and the end of the flush is not heard of
    if (!capture || !em.isInTransaction()) {
      memory.tell();
      return;
    }
    const recorded = this.#of(capture);
    recorded.computed.push(computed);
    recorded.memory.push(memory);
  }

  #recording(em: EntityManager, capture: FlushCapture, { isEarly, schema }: Group): DeletionRecording {
    const deleted = deletedBy(em, this.map.entities);
    const recorded = this.#of(capture);
    return {
      changes: new CascadeChanges(this.map.entities, cascadedBy(capture.attribution), schema),
      isOwn: ({ meta, id }) => deleted.has(placeOf(em, meta, schema) + id),
      // the links that a flush writes are written by the time that their objects go, unless those go first
      linksOfOwn: changes => append(isEarly ? recorded.before : capture.besides, changes),
      others: changes => append(isEarly ? recorded.before : recorded.after, changes),
    };
  }

  #changesKeys({ meta, payload }: AnyChangeSet): boolean {
    return this.map.changesKeys(meta, name => name in payload);
  }

  #of(capture: FlushCapture): Recorded {
    const recorded = this.#recorded.get(capture) ?? newRecorded();
    this.#recorded.set(capture, recorded);
    return recorded;
  }
}

/** One by one: a function cannot take a hundred thousand arguments. */
function append(to: Change[], changes: readonly Change[]): void {
  for (const change of changes) to.push(change);
}

function newRecorded(): Recorded {
  return { before: [], keyChanges: [], after: [], computed: [], memory: [] };
}
