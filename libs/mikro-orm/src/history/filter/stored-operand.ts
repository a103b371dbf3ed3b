import {
  type EntityManager,
  type EntityProperty,
  helper,
  PolymorphicRef,
  Reference,
  ReferenceKind,
} from '@mikro-orm/core';
import type { Json, JsonRecord } from '../../model/json.js';
import { UnusableFilterError } from '../history.errors.js';
import type { TrackedAttribute, TrackedEntity } from '../../tracking/tracked-entities.js';

/** The stored form of a value as the application has it; of a relation, of the related object or its key. */
export function storedOperand(
  em: EntityManager,
  tracked: TrackedEntity,
  { prop, codec }: TrackedAttribute,
  value: unknown,
): Json {
  if (value === null || value === undefined) return null;
  if (prop.kind === ReferenceKind.EMBEDDED) return codec.encode(flattened(em, tracked, prop.name, value)[prop.name]);
  if (prop.kind !== ReferenceKind.SCALAR) return relatedKey(em, tracked, { prop, codec }, value);
  return codec.encode(toDatabase(em, prop, value));
}

/** The stored forms of those leaves of an inline embeddable that it has a value for. */
export function storedLeaves(em: EntityManager, tracked: TrackedEntity, name: string, value: unknown): JsonRecord {
  const row = flattened(em, tracked, name, value);
  const leaves = tracked.attributesOf(name).filter(leaf => leaf.name in row);
  return Object.fromEntries(leaves.map(leaf => [leaf.name, leaf.codec.encode(row[leaf.name])]));
}

/** Values inside an embeddable are converted by the ORM's own code for it, which reads them from their owner. */
function flattened(em: EntityManager, { meta }: TrackedEntity, name: string, value: unknown): Record<string, unknown> {
  const owner = { [name]: value, __helper: { __initialized: false } };
  return em.getComparator().getSnapshotGenerator(meta.class)(owner as never) as Record<string, unknown>;
}

function toDatabase(em: EntityManager, { customType }: EntityProperty, value: unknown): unknown {
  return customType ? customType.convertToDatabaseValue(value, em.getPlatform()) : value;
}

function relatedKey(
  em: EntityManager,
  tracked: TrackedEntity,
  { prop, codec }: Pick<TrackedAttribute, 'prop' | 'codec'>,
  value: unknown,
): Json {
  const target = Reference.unwrapReference(value as object);
  if (prop.polymorphic) return codec.encode(polymorphic(prop, target));
  if (!prop.targetKey) return tracked.targetKey(prop, target);
  const { [prop.targetKey]: key } = { [prop.targetKey]: value, ...(typeof target === 'object' ? target : {}) };
  return codec.encode(toDatabase(em, prop.targetMeta!.properties[prop.targetKey] as EntityProperty, key));
}

/** A key alone does not say of which of the classes it is. */
function polymorphic({ name, discriminatorMap = {} }: EntityProperty, target: object): PolymorphicRef {
  for (let type: unknown = target.constructor; type; type = Object.getPrototypeOf(type)) {
    const found = Object.entries(discriminatorMap).find(([, mapped]) => (mapped as unknown) === type);
    if (found) return new PolymorphicRef(found[0], helper(target).getPrimaryKey(true));
  }
  throw new UnusableFilterError(`changed.${name}`, target, 'the related object or a reference to it');
}
