import { type Dictionary, type EntityClass, type EntityManager, helper } from '@mikro-orm/core';
import type { TrackedType } from '@revy/mikro-orm';
import type { HistoryLabels } from './labels.js';
import { splitSchema, typeOf } from './stored-type.js';
import type { EntityRef } from './words.js';

/** How to find the entities of a type by what is stored of their keys. */
interface NamedClass {
  readonly entity: EntityClass<object>;
  readonly keyOf: (objectId: string) => unknown;
}

/** Names of those among some entities whose type has a `name`, by type and key. One SELECT for each such type. */
export async function entityNames(
  em: EntityManager,
  types: readonly TrackedType[],
  labels: HistoryLabels,
  entities: Iterable<EntityRef>,
): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const [type, ids] of idsByType(entities)) {
    const [name, schema] = splitSchema(type);
    const labelled = Object.hasOwn(labels, name) ? labels[name] : undefined;
    const found = labelled?.name && classOf(em, types, name);
    if (!found) continue;
    const keys = new Map([...ids].map(id => [id, found.keyOf(id)]));
    const reader = em.fork(schema === undefined ? {} : { schema });
    await reader.find(found.entity, [...keys.values()] as unknown as Dictionary, { filters: false });
    for (const [id, key] of keys) {
      const entity = reader.getReference(found.entity, key as never);
      if (!helper(entity).__initialized) continue;
      names.set(`${type} ${id}`, labelled!.name!(entity));
    }
  }
  return names;
}

function idsByType(entities: Iterable<EntityRef>): Map<string, Set<string>> {
  const ids = new Map<string, Set<string>>();
  for (const { type, id } of entities) ids.set(type, (ids.get(type) ?? new Set()).add(id));
  return ids;
}

/** Who acts need not be tracked; its type is its class's name then. */
function classOf(em: EntityManager, types: readonly TrackedType[], type: string): NamedClass | undefined {
  const tracked = typeOf(types, type);
  if (tracked) return tracked;
  const meta = [...em.getMetadata().getAll().values()].find(({ className }) => className === type);
  if (!meta || meta.compositePK) return undefined;
  const isNumber = meta.getPrimaryProp().runtimeType === 'number';
  return { entity: meta.class as EntityClass<object>, keyOf: id => (isNumber ? Number(id) : id) };
}
