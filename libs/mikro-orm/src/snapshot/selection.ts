import { type EntityManager, type EntityName, type Primary, Utils } from '@mikro-orm/core';
import { targetOf, trackedOf } from '../history/target.js';
import type { ObjectState } from './complete-states.js';
import { compileCondition } from './compile-condition.js';
import type { ObjectCondition } from './object-condition.js';
import { compareKeys } from './order-items.js';

/** Which objects somebody asked for. */
export interface Selection {
  /** Their ids; `undefined` for all of the class, of which a condition then picks. */
  readonly ids: readonly string[] | undefined;
  /** Picks them from what was read, in the order asked for. */
  from(states: ReadonlyMap<string, ObjectState>): ObjectState[];
}

/**
 * @throws {UnusableKeyError} if a key does not fit the class
 * @throws {UnsupportedConditionError} if a condition cannot be evaluated
 */
export function selectionOf<T extends object>(
  em: EntityManager,
  entity: EntityName<T>,
  which: readonly Primary<T>[] | ObjectCondition<T>,
): Selection {
  if (Array.isArray(which)) return ofKeys(em, entity, which as readonly Primary<T>[]);
  const condition = which as Readonly<Record<string, unknown>>;
  const isSatisfied = compileCondition(em, trackedOf(em, entity), condition);
  const keys = keysIn(trackedOf(em, entity).meta.primaryKeys, condition);
  return {
    ids: keys && ofKeys(em, entity, keys as readonly Primary<T>[]).ids,
    from: states => [...states.values()].filter(state => isSatisfied(state) === true).toSorted(compareKeys),
  };
}

function ofKeys<T extends object>(em: EntityManager, entity: EntityName<T>, keys: readonly Primary<T>[]): Selection {
  const ids = [...new Set(keys.map(key => targetOf(em, entity, key).objectId))];
  return { ids, from: states => ids.flatMap(id => states.get(id) ?? []) };
}

/** The keys that a condition names by equality, which are found by the index. */
function keysIn(primaryKeys: readonly string[], condition: Readonly<Record<string, unknown>>): unknown[] | undefined {
  const values = primaryKeys.map(name => valuesOf(condition[name]));
  if (primaryKeys.length === 1) return values[0];
  const single = values.map(one => (one?.length === 1 ? (one[0] as unknown) : undefined));
  return single.includes(undefined) ? undefined : [single];
}

function valuesOf(operand: unknown): unknown[] | undefined {
  if (operand === undefined || operand === null) return undefined;
  if (Array.isArray(operand)) return operand as unknown[];
  if (!Utils.isPlainObject(operand)) return [operand];
  const { $in, $eq } = operand as { $in?: unknown; $eq?: unknown };
  return Array.isArray($in) ? ($in as unknown[]) : $eq === undefined ? undefined : [$eq];
}
