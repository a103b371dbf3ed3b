import type { EntityManager, EntityMetadata } from '@mikro-orm/core';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import { DeletionOrder } from './deletion-order.js';
import type { ForeignKeyEdge, RuleDefaults } from './foreign-key-edge.js';
import { ForeignKeyGraph } from './foreign-key-graph.js';
import { type EdgesByTarget, leadsOn, type RelevantEdges, relevantEdges } from './relevant-edges.js';
import { tablesOf } from './tables.js';

/** What it takes to follow foreign keys from the rows that somebody changes. */
export interface CascadeTools {
  readonly em: EntityManager;
  /** The transaction that the rows are changed in. */
  readonly ctx: object | undefined;
  readonly entities: TrackedEntities;
  readonly graph: ForeignKeyGraph;
  readonly order: DeletionOrder;
  /** The foreign keys to follow. */
  readonly edges: EdgesByTarget;
  /** The entity manager and those that it shares entities with. */
  readonly sharing: readonly EntityManager[];
}

interface Discovered {
  readonly graph: ForeignKeyGraph;
  readonly edges: RelevantEdges;
  readonly order: DeletionOrder;
}

/** The foreign keys of an ORM, and which of them are worth following. One for each ORM. */
export class CascadeMap {
  #discovered: Discovered | undefined;
  #handled: readonly ForeignKeyEdge[] = [];
  readonly #parents = new WeakMap<EntityManager, EntityManager>();

  constructor(readonly entities: TrackedEntities) {}

  /** Takes in what was discovered; called again when more is. */
  discover(metadata: Iterable<EntityMetadata>, defaults: RuleDefaults): void {
    const isRecorded = (meta: EntityMetadata, name: string) =>
      this.entities.tracked(meta.class)?.collections.has(name) === true;
    const graph = new ForeignKeyGraph(metadata, defaults, isRecorded);
    this.#handled = graph.edges.filter(edge => edge.handler);
    this.#discovered = { graph, edges: relevantEdges(graph, this.entities), order: new DeletionOrder(graph.edges) };
  }

  /** The foreign keys that handlers stand on. */
  get handled(): readonly ForeignKeyEdge[] {
    return this.#handled;
  }

  /** Whether anything of interest depends on the rows of a class. */
  leadsOn(meta: EntityMetadata, along: keyof RelevantEdges): boolean {
    const { graph, edges } = this.#discovered ?? {};
    return graph !== undefined && edges !== undefined && leadsOn(meta, edges[along], graph);
  }

  /** For rows of a class that {@link leadsOn}. */
  tools(em: EntityManager, ctx: object | undefined, along: keyof RelevantEdges): CascadeTools {
    const { graph, edges, order } = this.#discovered!;
    return { em, ctx, entities: this.entities, graph, order, edges: edges[along], sharing: this.#sharing(em) };
  }

  /** A nested transaction works on the entities of the one around it, in an entity manager of its own. */
  share(fork: EntityManager, parent: EntityManager): void {
    this.#parents.set(fork, parent);
  }

  /** Whether new values of these properties change what foreign keys refer to, in rows of interest. */
  changesKeys(meta: EntityMetadata, isChanged: (property: string) => boolean): boolean {
    const { graph, edges } = this.#discovered ?? {};
    if (!graph || !edges?.keyChanges.size) return false;
    const tables = tablesOf(meta).filter(table => edges.keyChanges.has(table._id));
    return tables.some(table => graph.referredProperties(table).some(prop => isChanged(prop.name)));
  }

  #sharing(em: EntityManager): EntityManager[] {
    const parent = this.#parents.get(em);
    return parent ? [em, ...this.#sharing(parent)] : [em];
  }
}
