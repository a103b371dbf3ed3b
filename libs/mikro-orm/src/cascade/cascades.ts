import { type EntityManager, type EntityMetadata, helper, type UnitOfWork } from '@mikro-orm/core';
import type { Change } from '../capture/change.js';
import type { FlushCapture } from '../capture/flush-capture.js';
import { cascadedBy } from '../capture/read-changes.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import { CascadeChanges } from './cascade-changes.js';
import { DeletionOrder } from './deletion-order.js';
import type { ForeignKeyEdge, RuleDefaults } from './foreign-key-edge.js';
import { ForeignKeyGraph } from './foreign-key-graph.js';
import { type AnyChangeSet, deletedBy, groupsOf, isDeletion, keepForHandlers, keyOf } from './flush-group.js';
import { changesKeys, followKeys, withoutRepetitions } from './follow-keys.js';
import { type EdgesByTarget, leadsOn, type RelevantEdges, relevantEdges } from './relevant-edges.js';
import { tableOf } from './tables.js';
import { type CascadeTools, takeAlong, type TakenAlong } from './take-along.js';

/** What the cascades of one flush changed: before, along with and after what the flush itself did. */
interface Recorded {
  readonly before: Change[];
  readonly keyChanges: Change[];
  readonly after: Change[];
  /** What is known only once it has happened. */
  readonly computed: TakenAlong['computed'][];
  readonly tellMemory: TakenAlong['tellMemory'][];
}

interface Discovered {
  readonly graph: ForeignKeyGraph;
  readonly edges: RelevantEdges;
  readonly handled: readonly ForeignKeyEdge[];
  readonly order: DeletionOrder;
}

/** What the database's rules, and the handlers in their place, do along with a flush. One for each ORM. */
export class Cascades {
  #discovered: Discovered | undefined;
  readonly #seen = new WeakSet<AnyChangeSet>();
  readonly #recorded = new WeakMap<FlushCapture, Recorded>();

  constructor(private readonly entities: TrackedEntities) {}

  /** Takes in what was discovered; called again when more is. */
  discover(metadata: Iterable<EntityMetadata>, defaults: RuleDefaults): void {
    const isRecorded = (meta: EntityMetadata, name: string) =>
      Boolean(this.entities.tracked(meta.class)?.collections.has(name));
    const graph = new ForeignKeyGraph(metadata, defaults, isRecorded);
    const edges = relevantEdges(graph, this.entities);
    const handled = graph.edges.filter(edge => edge.handler);
    this.#discovered = { graph, edges, handled, order: new DeletionOrder(graph.edges) };
  }

  onFlush(uow: UnitOfWork): void {
    keepForHandlers(uow, this.#discovered?.handled ?? []);
  }

  /** What it takes to go along foreign keys from the rows that a flush writes; nothing before there are any classes. */
  toolsFor(em: EntityManager, kind: 'recording' | 'handling'): CascadeTools | undefined {
    return this.#discovered && this.#tools(em, this.#discovered.edges[kind]);
  }

  /** The first class that a flush deletes a row of, and whose rows take along what is tracked. */
  firstTracked(uow: UnitOfWork): string | undefined {
    const edges = this.#discovered?.edges.tracked;
    const found = uow.getChangeSets().find(set => edges && isDeletion(set) && this.#leadsOn(set.meta, edges));
    return found && helper(found.entity as object).__meta.className;
  }

  /** Before the SQL of a group of deletions: all of them together, when the first is announced. */
  async beforeDelete(em: EntityManager, changeSet: AnyChangeSet, capture: FlushCapture | undefined): Promise<void> {
    const edges = this.#discovered?.edges[capture ? 'recording' : 'handling'];
    if (!edges || this.#seen.has(changeSet) || !this.#leadsOn(changeSet.meta, edges)) return;
    const uow = em.getUnitOfWork(false);
    const groups = groupsOf(em, changeSet);
    for (const set of [...groups.values()].flat()) this.#seen.add(set);
    const deleted = capture && deletedBy(uow, this.entities);
    for (const [schema, sets] of groups) {
      const doomed = { meta: tableOf(changeSet.meta), keys: sets.map(keyOf), schema };
      const recording = deleted && { changes: this.#changes(capture), isOwn: (row: string) => deleted.has(row) };
      const taken = await takeAlong(doomed, this.#tools(em, edges), recording);
      if (capture) this.#record(capture, taken, changeSet.type === 'delete_early' ? 'before' : 'after');
      this.finishLater(em, capture, taken);
    }
  }

  /** Before the SQL of a group of updates, where any of them changes a key. */
  async beforeUpdate(em: EntityManager, changeSet: AnyChangeSet, capture: FlushCapture | undefined): Promise<void> {
    const edges = this.#discovered?.edges.keyChanges;
    if (!edges?.size || !capture || this.#seen.has(changeSet)) return;
    const tools = this.#tools(em, edges);
    if (!changesKeys(changeSet, tools)) return;
    const { attribution } = capture;
    const system = { ...attribution, actor: null, objectDescription: null, attributeDescription: null };
    for (const [schema, sets] of groupsOf(em, changeSet)) {
      const changing = sets.filter(set => changesKeys(set, tools));
      for (const set of changing) this.#seen.add(set);
      const followed = await followKeys(changing, schema, tools, new CascadeChanges(this.entities, system));
      const recorded = this.#of(capture);
      for (const change of followed.linksOfEnded) recorded.before.push(change);
      for (const change of followed.changes) recorded.keyChanges.push(change);
      recorded.computed.push(followed.computed);
    }
  }

  /** The changes of a flush with those of its cascades, in the order in which they happened. Asked once, at its end. */
  async withCascades(capture: FlushCapture, flushed: readonly Change[]): Promise<readonly Change[]> {
    const recorded = this.#recorded.get(capture);
    if (!recorded) return flushed;
    const { before, keyChanges, after, computed, tellMemory } = recorded;
    for (const ask of computed) for (const change of await ask()) after.push(change);
    for (const tell of tellMemory) tell();
    return [...before, ...flushed, ...withoutRepetitions(keyChanges, flushed), ...after];
  }

  /** Keeps what is to be done once a flush has been read: what it says of its entities may not change before. */
  finishLater(em: EntityManager, capture: FlushCapture | undefined, { computed, tellMemory }: TakenAlong): void {
    // outside a transaction nothing tracked is reached, and the end of the flush is not heard of
    if (!capture || !em.isInTransaction()) return tellMemory();
    const recorded = this.#of(capture);
    recorded.computed.push(computed);
    recorded.tellMemory.push(tellMemory);
  }

  #record(capture: FlushCapture, { changes }: TakenAlong, place: 'before' | 'after'): void {
    const recorded = this.#of(capture);
    // the links that a flush writes are written by the time that their objects go, unless those go first
    const links = place === 'before' ? recorded.before : capture.besides;
    for (const change of changes?.linksOfLost ?? []) links.push(change);
    for (const change of changes?.others ?? []) recorded[place].push(change);
  }

  #leadsOn(meta: EntityMetadata, edges: EdgesByTarget): boolean {
    return leadsOn(meta, edges, this.#discovered!.graph);
  }

  #changes({ attribution }: FlushCapture): CascadeChanges {
    return new CascadeChanges(this.entities, cascadedBy(attribution));
  }

  #tools(em: EntityManager, edges: EdgesByTarget): CascadeTools {
    const { graph, order } = this.#discovered!;
    return { em, entities: this.entities, graph, order, edges };
  }

  #of(capture: FlushCapture): Recorded {
    const recorded = this.#recorded.get(capture) ?? newRecorded();
    this.#recorded.set(capture, recorded);
    return recorded;
  }
}

function newRecorded(): Recorded {
  return { before: [], keyChanges: [], after: [], computed: [], tellMemory: [] };
}
