import type { Collection } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { anyKnown, classOf, type Entity, type Fields, isSentinel, isStored, known, nameOf } from './known.js';
import { pick, pickKnown, type Work } from './known.js';
import {
  CLASSES,
  COLLECTIONS,
  COUNTRY_CODES,
  KEY_RELATIONS,
  LABEL_IDS,
  MUTATIONS,
  RELATIONS,
  VALUES,
} from './values.js';

// What is done to entities in memory, for a flush to write.

export function valueOf(em: EntityManager, entity: string, name: string, n: number): unknown {
  return pick(VALUES[entity]![name]!, n)!(em);
}

/** Values for all attributes of a class. */
export function valuesOf(em: EntityManager, entity: string, n: number): Fields {
  const made = Object.keys(VALUES[entity]!).map((name, index) => [name, valueOf(em, entity, name, n + index)]);
  return Object.fromEntries(made) as Fields;
}

export function create(work: Work): void {
  make(work, pick(CLASSES, work.a)!);
}

function make(work: Work, name: string): Entity {
  const { em, a, b, c } = work;
  const data = { ...valuesOf(em, name, b), ...newKey(em, name, a + b) };
  if (name === 'Label') data['name'] = freeName(em, b);
  for (const relation of RELATIONS[name] ?? []) {
    if (relation.name === 'badge') continue;
    const target = relation.isNullable ? (c % 2 && pickKnown(em, relation.to, b)) || null : someOf(work, relation.to);
    data[relation.name] = target;
  }
  for (const relation of KEY_RELATIONS[name] ?? []) data[relation.name] = someOf(work, relation.to);
  if (c % 3 > 0) return em.create(classOf(em, name), data as never) as Entity;
  const entity = Object.assign(new (classOf(em, name))(), data);
  em.persist(entity);
  return entity;
}

/** A known entity, else a new one. */
function someOf(work: Work, name: string): Entity {
  return pickKnown(work.em, name, work.c) ?? make({ ...work, b: 0 }, name);
}

/** Natural keys come from a few, so that what is deleted comes back. */
export function newKey(em: EntityManager, name: string, n: number): Fields {
  if (name === 'Label') return { id: pick(free(em, name, 'id', LABEL_IDS), n) ?? LABEL_IDS[1] };
  if (name === 'Country') return { code: pick(free(em, name, 'code', COUNTRY_CODES), n) ?? 'GG' };
  return {};
}

function free(em: EntityManager, entity: string, name: string, all: readonly unknown[]): unknown[] {
  const taken = known(em, entity).map(one => one[name]);
  return all.filter(value => !taken.includes(value));
}

function freeName(em: EntityManager, n: number): unknown {
  const all = VALUES['Label']!['name']!.map(value => value(em));
  return pick(free(em, 'Label', 'name', all), n) ?? `label ${n}`;
}

export function assign(work: Work): void {
  const entity = anyKnown(work, CLASSES);
  const name = entity && pick(Object.keys(VALUES[nameOf(entity)]!), work.c + work.b);
  if (!entity || !name) return;
  const value = valueOf(work.em, nameOf(entity), name, work.a + work.c);
  if (work.c % 4 === 0) work.em.assign(entity, { [name]: value } as never);
  else entity[name] = value;
}

export function assignPerson({ em, a, b, c }: Work): void {
  const person = pickKnown(em, 'Person', a);
  const name = pick(Object.keys(VALUES['Person']!), b)!;
  if (person) person[name] = valueOf(em, 'Person', name, c);
}

export function mutate({ em, a, b, c }: Work): void {
  const person = pickKnown(em, 'Person', a);
  if (person) pick(MUTATIONS, b)!(person, c);
}

export function relate(work: Work): void {
  const { em, a, b, c } = work;
  const entity = anyKnown(work, Object.keys(RELATIONS));
  const relation = entity && pick(RELATIONS[nameOf(entity)]!, c + a);
  if (!entity || !relation) return;
  const target = c % 4 === 0 && relation.isNullable ? null : pickKnown(em, relation.to, b + c);
  if (target !== undefined) entity[relation.name] = target;
}

export async function changeCollection({ em, a, b, c }: Work): Promise<void> {
  const held = pick(
    COLLECTIONS.filter(({ of }) => known(em, of).length > 0),
    a,
  );
  const owner = held && pickKnown(em, held.of, b);
  const collection = owner && (owner[held.name] as Collection<object> | undefined);
  if (!collection) return;
  // init() would ask the entity manager around, which flushes on a connection of its own and waits there for this one
  if (!collection.isInitialized()) await em.populate([owner], [held.name] as never);
  const others = known(em, held.holds);
  const other = pick(others, c);
  if (c % 5 === 0) collection.set(others.filter((_, index) => (index + b) % 2 === 0));
  else if (c % 7 === 0) collection.removeAll();
  else if (other && collection.contains(other)) collection.remove(other);
  else if (other) collection.add(other);
}

export function remove(work: Work): void {
  const entity = anyKnown(work, CLASSES);
  if (entity && !isSentinel(entity)) work.em.remove(entity);
}

export function rekey({ em, a, b }: Work): void {
  const country = pickKnown(em, 'Country', a);
  if (country && isStored(country)) Object.assign(country, newKey(em, 'Country', b));
}
