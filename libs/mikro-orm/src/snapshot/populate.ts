import { type EntityManager, type EntityProperty, ReferenceKind } from '@mikro-orm/core';
import type { PointCondition } from '../history/point.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { childrenOf } from './children.js';
import type { ObjectState } from './complete-states.js';
import { linksOfOwners, linksOfTargets } from './links.js';
import { isInverseSide, type PopulateStep, type PopulateTree, propertyOf, stepsOf } from './populate-tree.js';
import { readStates } from './read-states.js';
import { referredId, storedReference } from './relation-key.js';
import { Relations } from './relations.js';

/** An object of a graph, with the objects at the other end of each of its populated relations. */
export interface GraphNode extends ObjectState {
  readonly relations: Map<string, readonly GraphNode[]>;
}

/** Objects that have one relation in common: of one class, or of classes that inherit it. */
interface Group {
  readonly prop: EntityProperty;
  readonly nodes: GraphNode[];
}

/** Reads what objects were related to at a point, and makes a graph of them in which each object is there once. */
export class GraphReader {
  readonly #nodes = new Map<string, GraphNode>();
  readonly #relations: Relations;

  constructor(
    private readonly em: EntityManager,
    private readonly point: PointCondition,
  ) {
    this.#relations = new Relations(em);
  }

  get nodes(): readonly GraphNode[] {
    return [...this.#nodes.values()];
  }

  add(state: ObjectState): GraphNode {
    const identity = identityOf(state.tracked, state.objectId);
    const known = this.#nodes.get(identity);
    if (known) return known;
    const node = { ...state, relations: new Map<string, readonly GraphNode[]>() };
    this.#nodes.set(identity, node);
    return node;
  }

  /** A constant number of statements for each step of a path, however many objects there are. */
  async populate(nodes: readonly GraphNode[], tree: PopulateTree): Promise<void> {
    if (nodes.length === 0 || tree.size === 0) return;
    for (const { name, below } of stepsOfAll(nodes, tree)) {
      const related = new Set<GraphNode>();
      for (const group of groupsOf(nodes, name)) {
        await this.#populate(group);
        for (const node of group.nodes) node.relations.get(name)?.forEach(one => related.add(one));
      }
      await this.populate([...related], below);
    }
  }

  async #populate(group: Group): Promise<void> {
    const { prop, nodes } = group;
    const unread = this.#relations.whyUnreadable(prop, nodes[0]!.tracked);
    if (unread) return nodes.forEach(({ known }) => known.unknown.set(prop.name, unread));
    if (prop.kind === ReferenceKind.MANY_TO_MANY) return this.#populateLinks(group);
    if (prop.kind === ReferenceKind.ONE_TO_MANY || isInverseSide(prop)) return this.#populateChildren(group);
    return this.#populateReferences(group);
  }

  async #populateReferences({ prop, nodes }: Group): Promise<void> {
    const wanted = new Map<TrackedEntity, Map<string, GraphNode[]>>();
    for (const node of nodes) {
      const stored = storedReference(node, prop);
      if (stored === undefined) continue;
      node.relations.set(prop.name, []);
      const target = stored === null ? undefined : this.#relations.referred(prop, stored);
      if (!target) continue;
      const byId = wanted.get(target.entity) ?? new Map<string, GraphNode[]>();
      const id = referredId(target.key, target.entity);
      wanted.set(target.entity, byId.set(id, [...(byId.get(id) ?? []), node]));
    }
    for (const [entity, byId] of wanted) {
      for (const [id, target] of await this.#load(entity, [...byId.keys()])) {
        for (const node of byId.get(id)!) node.relations.set(prop.name, [target]);
      }
    }
  }

  async #populateChildren({ prop, nodes }: Group): Promise<void> {
    const relation = this.#relations.childRelation(prop, nodes);
    const { ids, states } = await childrenOf(this.em, relation, this.point);
    for (const node of nodes) {
      const children = [...(ids.get(node.objectId) ?? [])].map(id => this.add(states.get(id)!));
      node.relations.set(prop.name, children);
    }
  }

  async #populateLinks({ prop, nodes }: Group): Promise<void> {
    const ends = this.#relations.linkEnds(prop, nodes[0]!.tracked);
    const isOwner = prop.name === ends.prop.name && nodes[0]!.tracked === ends.owner;
    const read = isOwner ? linksOfOwners : linksOfTargets;
    const ids = await read(
      this.em,
      ends,
      this.point,
      nodes.map(({ objectId }) => objectId),
    );
    const other = isOwner ? ends.target : ends.owner;
    const linked = await this.#load(other, [...new Set([...ids.values()].flatMap(set => [...set]))]);
    for (const node of nodes) {
      const found = [...(ids.get(node.objectId) ?? [])].flatMap(id => linked.get(id) ?? []);
      node.relations.set(prop.name, found);
    }
  }

  /** Objects by their ids; those that did not exist at the point are absent, whoever refers to them. */
  async #load(entity: TrackedEntity, objectIds: readonly string[]): Promise<Map<string, GraphNode>> {
    const known = (id: string) => this.#nodes.get(identityOf(entity, id));
    const unread = objectIds.filter(id => !known(id));
    for (const state of (await readStates(this.em, entity, this.point, unread)).values()) {
      if (!state.isDeleted) this.add(state);
    }
    return new Map(objectIds.flatMap(id => (known(id) ? [[id, known(id)!]] : [])));
  }
}

/** What a tree names in any of the objects' classes, each relation once. */
function stepsOfAll(nodes: readonly GraphNode[], tree: PopulateTree): Iterable<PopulateStep> {
  const classes = new Set(nodes.map(({ tracked }) => tracked.meta));
  const steps = [...classes].flatMap(meta => stepsOf(tree, meta));
  return new Map(steps.map(step => [step.name, step])).values();
}

/** Classes of a hierarchy may have properties of one name that are different relations. */
function groupsOf(nodes: readonly GraphNode[], name: string): Group[] {
  const groups = new Map<string, Group>();
  for (const node of nodes) {
    const prop = propertyOf(node.tracked.meta, name);
    if (!prop) continue;
    const id = [prop.kind, prop.targetMeta?._id, prop.mappedBy, prop.pivotTable].join(' ');
    const group = groups.get(id) ?? { prop, nodes: [] };
    groups.set(id, group);
    group.nodes.push(node);
  }
  return [...groups.values()];
}

function identityOf({ meta }: TrackedEntity, objectId: string): string {
  return `${meta.root._id} ${objectId}`;
}
