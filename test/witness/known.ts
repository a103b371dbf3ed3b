import { type EntityMetadata, helper } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { SENTINEL_LABEL, SENTINEL_PROJECT } from './domain.js';

export type Fields = Record<string, unknown>;
export type Entity = object & Fields;
export type Class = new () => Entity;

/** What a step works on: an entity manager, and three numbers to choose by. */
export interface Work {
  readonly em: EntityManager;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** The class of that name in the domain of this entity manager's ORM. */
export function classOf(em: EntityManager, name: string): Class {
  return em.getMetadata().getByClassName(name).class as unknown as Class;
}

export function nameOf(entity: object): string {
  return helper(entity).__meta.className;
}

export function pick<Item>(items: readonly Item[], n: number): Item | undefined {
  return items[n % items.length];
}

/** Entities of a class that the entity manager has, without what is to be removed. */
export function known(em: EntityManager, name: string): Entity[] {
  const uow = em.getUnitOfWork();
  const entityClass = classOf(em, name);
  const meta = em.getMetadata().get(entityClass) as EntityMetadata;
  const managed = uow.getIdentityMap().getStore(meta.root as never) as Map<string, object> | undefined;
  const all = new Set<object>([...(managed?.values() ?? []), ...uow.getPersistStack()]);
  return [...all].filter(one => one instanceof entityClass && !uow.getRemoveStack().has(one)) as Entity[];
}

export function pickKnown(em: EntityManager, name: string, n: number): Entity | undefined {
  return pick(known(em, name), n);
}

/** An entity of any of these classes. */
export function anyKnown({ em, a, b }: Work, names: readonly string[]): Entity | undefined {
  const some = names.filter(name => known(em, name).length > 0);
  const name = pick(some, a);
  return name === undefined ? undefined : pickKnown(em, name, b);
}

/** Whether it is in the database, as far as the entity manager knows. */
export function isStored(entity: object): boolean {
  const { __managed: isManaged, __originalEntityData: stored } = helper(entity);
  return Boolean(isManaged && stored);
}

/** What handlers set may not go. */
export function isSentinel(entity: Entity): boolean {
  const sentinel = ({ Label: SENTINEL_LABEL, Project: SENTINEL_PROJECT } as Fields)[nameOf(entity)];
  return sentinel !== undefined && entity['id'] === sentinel;
}
