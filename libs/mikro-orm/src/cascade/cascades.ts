import { type EntityManager, type EntityMetadata, helper, type UnitOfWork } from '@mikro-orm/core';
import type { Change } from '../capture/change.js';
import type { FlushCapture } from '../capture/flush-capture.js';
import { cascadedBy } from '../capture/read-changes.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import { CascadeChanges } from './cascade-changes.js';
import type { DeletionChanges } from './deletion-changes.js';
import { DeletionOrder } from './deletion-order.js';
import type { ForeignKeyEdge, RuleDefaults } from './foreign-key-edge.js';
import { ForeignKeyGraph } from './foreign-key-graph.js';
import { type AnyChangeSet, deletedBy, groupsOf, isDeletion, keepForHandlers, keyOf } from './flush-group.js';
import { changesKeys, followKeys, withoutRepetitions } from './follow-keys.js';
import { type EdgesByTarget, type RelevantEdges, relevantEdges } from './relevant-edges.js';
import { tableOf, tablesOf } from './tables.js';
import { type CascadeTools, takeAlong } from './take-along.js';

/** What the cascades of one flush changed: before, along with and after what the flush itself did. */
interface Recorded {
  readonly before: Change[];
  readonly keyChanges: Change[];
  readonly after: Change[];
  readonly tellMemory: (() => readonly object[])[];
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
  readonly #parents = new WeakMap<EntityManager, EntityManager>();

  constructor(private readonly entities: TrackedEntities) {}

  /** Takes in what was discovered; called again when more is. */
  discover(metadata: Iterable<EntityMetadata>, defaults: RuleDefaults): void {
    const graph = new ForeignKeyGraph(metadata, defaults);
    const edges = relevantEdges(graph, this.entities);
    const handled = graph.edges.filter(edge => edge.handler);
    this.#discovered = { graph, edges, handled, order: new DeletionOrder(graph.edges) };
  }

  /** A nested transaction works on the entities of the one around it, in an entity manager of its own. */
  share(fork: EntityManager, parent: EntityManager): void {
    this.#parents.set(fork, parent);
  }

  onFlush(uow: UnitOfWork): void {
    keepForHandlers(uow, this.#discovered?.handled ?? []);
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
      const { changes, tellMemory } = await takeAlong(doomed, this.#tools(em, edges), recording);
      const isEarly = changeSet.type === 'delete_early';
      // outside a transaction nothing tracked is reached, and the end of the flush is not heard of
      if (capture && changes && em.isInTransaction()) this.#record(capture, changes, { isEarly, tellMemory });
      else tellMemory();
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
      const changes = await followKeys(changing, schema, tools, new CascadeChanges(this.entities, system));
      this.#of(capture).keyChanges.push(...changes);
    }
  }

  /** The changes of a flush with those of its cascades, in the order in which they happened. Asked once, at its end. */
  withCascades(capture: FlushCapture, flushed: readonly Change[]): readonly Change[] {
    const recorded = this.#recorded.get(capture);
    if (!recorded) return flushed;
    const { before, keyChanges, after, tellMemory } = recorded;
    for (const tell of tellMemory) for (const entity of tell()) capture.alsoChanged.add(entity);
    return [...before, ...flushed, ...withoutRepetitions(keyChanges, flushed), ...after];
  }

  #record(
    capture: FlushCapture,
    { linksOfLost, others }: DeletionChanges,
    { isEarly, tellMemory }: { readonly isEarly: boolean; readonly tellMemory: () => readonly object[] },
  ): void {
    const recorded = this.#of(capture);
    recorded.before.push(...linksOfLost);
    (isEarly ? recorded.before : recorded.after).push(...others);
    recorded.tellMemory.push(tellMemory);
  }

  #leadsOn(meta: EntityMetadata, edges: EdgesByTarget): boolean {
    const classes = this.#discovered!.graph.classesIn(tableOf(meta));
    return edges.size > 0 && classes.some(one => tablesOf(one).some(table => edges.has(table._id)));
  }

  #changes({ attribution }: FlushCapture): CascadeChanges {
    return new CascadeChanges(this.entities, cascadedBy(attribution));
  }

  #tools(em: EntityManager, edges: EdgesByTarget): CascadeTools {
    const { graph, order } = this.#discovered!;
    return { em, entities: this.entities, graph, order, edges, sharing: this.#sharing(em) };
  }

  #sharing(em: EntityManager): EntityManager[] {
    const parent = this.#parents.get(em);
    return parent ? [em, ...this.#sharing(parent)] : [em];
  }

  #of(capture: FlushCapture): Recorded {
    const recorded = this.#recorded.get(capture) ?? { before: [], keyChanges: [], after: [], tellMemory: [] };
    this.#recorded.set(capture, recorded);
    return recorded;
  }
}
