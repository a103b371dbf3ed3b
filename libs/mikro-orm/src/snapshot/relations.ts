import { type EntityManager, type EntityMetadata, type EntityProperty, ReferenceKind } from '@mikro-orm/core';
import type { Target } from '../history/target.js';
import type { Json } from '../model/json.js';
import { runtimeOf } from '../runtime.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { ChildRelation } from './children.js';
import type { UnknownReason } from './known-state.js';
import type { RecordedLinks } from './links.js';
import { type PopulateTree, propertyOf, stepsOf } from './populate-tree.js';
import { referenceTo } from './relation-key.js';
import { UnknownRelationError, UnreadableRelationError } from './snapshot.errors.js';

/** What the metadata say of relations, as far as reading their past needs it. */
export class Relations {
  constructor(private readonly em: EntityManager) {}

  /**
   * @throws {UnknownRelationError} if a path names nothing that any class of the hierarchy has
   * @throws {UnreadableRelationError} if the mapping of a relation keeps its past from being read
   */
  check(entity: TrackedEntity, tree: PopulateTree): void {
    const classes = runtimeOf(this.em).entities.hierarchyOf(entity);
    for (const [name, below] of tree) {
      const props = classes.flatMap(({ meta }) => propertyOf(meta, name) ?? []);
      if (props.some(({ kind }) => kind !== ReferenceKind.SCALAR || below.size === 0)) continue;
      const relations = classes.flatMap(({ meta }) => meta.relations.map(prop => prop.name));
      throw new UnknownRelationError(entity.meta.className, name, [...new Set(relations)], 'populate');
    }
    for (const one of classes) {
      for (const { name, below } of stepsOf(tree, one.meta)) {
        const prop = propertyOf(one.meta, name)!;
        this.#refuseUnsupported(prop, one);
        for (const target of prop.polymorphTargets ?? [prop.targetMeta!]) this.check(this.entityOf(target), below);
      }
    }
  }

  /** Why nobody can say what a relation was; nothing if it can be read. */
  whyUnreadable(prop: EntityProperty, from: TrackedEntity): UnknownReason | undefined {
    if (prop.kind === ReferenceKind.MANY_TO_MANY) return this.#whyUnreadableLinks(prop, from);
    const { side, owning } = this.#owning(prop, from);
    if (!this.#isTracked(side) || owning.primary) return undefined;
    const attribute = side.attributes.get(owning.name);
    return attribute ? (attribute.isMasked ? 'masked' : undefined) : 'untracked';
  }

  #whyUnreadableLinks(prop: EntityProperty, from: TrackedEntity): UnknownReason | undefined {
    const { owner, prop: recorded } = this.linkEnds(prop, from);
    if (!this.#isTracked(owner)) return undefined;
    if (owner.masked.has(recorded.name)) return 'masked';
    return owner.collections.has(recorded.name) ? undefined : 'untracked';
  }

  #isTracked(entity: TrackedEntity): boolean {
    return runtimeOf(this.em)
      .entities.hierarchyOf(entity)
      .some(({ isTracked }) => isTracked);
  }

  /** What a stored reference refers to, and the key in it. */
  referred(prop: EntityProperty, stored: Json): { readonly entity: TrackedEntity; readonly key: Json } | undefined {
    if (!prop.polymorphic) return { entity: this.entityOf(prop.targetMeta!), key: stored };
    const [discriminator, key] = stored as [string, Json];
    const target = prop.discriminatorMap?.[discriminator];
    const meta = target && this.em.getMetadata().find(target);
    return meta && { entity: this.entityOf(meta as EntityMetadata), key };
  }

  childRelation(prop: EntityProperty, parents: readonly Target[]): ChildRelation {
    const child = this.entityOf(prop.targetMeta!);
    const owning = propertyOf(child.meta, prop.mappedBy)!;
    const references = new Map(parents.map(parent => [JSON.stringify(referenceFrom(owning, parent)), parent]));
    return { child, prop: owning, references };
  }

  /** Links are recorded with the object that owns them; where its class is not tracked, with the other one. */
  linkEnds(prop: EntityProperty, from: TrackedEntity): RecordedLinks {
    const { side, owning } = this.#owning(prop, from);
    const other = prop.owner ? this.entityOf(prop.targetMeta!) : from;
    const inverse = this.#isTracked(side)
      ? undefined
      : [...other.collections.values()].find(
          one => one.mappedBy === owning.name && one.targetMeta?.class === side.meta.class,
        );
    const [owner, target] = inverse ? [other, side] : [side, other];
    const ownerTypes = runtimeOf(this.em)
      .entities.hierarchyOf(owner)
      .flatMap(one => (one.isTracked ? [one.typeIn(this.em.schema)] : []));
    return { prop: inverse ?? owning, owner, target, ownerTypes };
  }

  entityOf(meta: EntityMetadata): TrackedEntity {
    return runtimeOf(this.em).entities.find(meta.class)!;
  }

  #owning(prop: EntityProperty, from: TrackedEntity): { side: TrackedEntity; owning: EntityProperty } {
    if (prop.mappedBy === undefined) return { side: from, owning: prop };
    const side = this.entityOf(prop.targetMeta!);
    return { side, owning: propertyOf(side.meta, prop.mappedBy)! };
  }

  #refuseUnsupported(prop: EntityProperty, from: TrackedEntity): void {
    const refuse = (reason: string, remedy: string) => {
      throw new UnreadableRelationError(from.meta.className, prop.name, reason, remedy);
    };
    const { entities } = runtimeOf(this.em);
    const targets = prop.polymorphTargets ?? [prop.targetMeta!];
    if (!targets.every(target => entities.find(target.class)) || prop.persist === false) {
      refuse('its target is no table, so it has no history', 'Read it in a query of its own.');
    }
    const { owning } = this.#owning(prop, from);
    if (owning.targetKey) {
      refuse('it refers to another column than the key', 'Read its target in a query of its own.');
    }
    if (prop.kind !== ReferenceKind.MANY_TO_MANY) return;
    if (owning.polymorphic) refuse('its links are shared by several classes', 'Read them in a query of their own.');
    if (entities.tracked(owning.pivotEntity)) {
      refuse('its links are objects with a history of their own', 'Populate the relation to those objects.');
    }
  }
}

function referenceFrom(owning: EntityProperty, parent: Target): Json {
  const key = referenceTo(parent);
  if (!owning.polymorphic) return key;
  const { root } = parent.tracked.meta;
  const [discriminator] = Object.entries(owning.discriminatorMap ?? {}).find(([, target]) => {
    return parent.tracked.meta.class === target || root.class === target;
  })!;
  return [discriminator, key];
}
