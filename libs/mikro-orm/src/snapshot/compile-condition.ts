import { type EntityManager, type EntityProperty, Utils } from '@mikro-orm/core';
import { storedOperand } from '../history/filter/stored-operand.js';
import { equalJson, type Json } from '../model/json.js';
import { runtimeOf } from '../runtime.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { ObjectState } from './complete-states.js';
import { propertyOf } from './populate-tree.js';
import { storedKeyPart, storedReference } from './relation-key.js';
import { UnsupportedConditionError } from './snapshot.errors.js';
import { type Order, orderOf } from './stored-order.js';

/** As in the database: `null` is neither true nor false. */
type Truth = boolean | null;
type Predicate = (state: ObjectState) => Truth;
type Condition = Readonly<Record<string, unknown>>;

/** An attribute of a condition: its property, what it was, and how values to compare it with are stored. */
interface Operand {
  readonly prop: EntityProperty;
  readonly read: (state: ObjectState) => Json | undefined;
  readonly stored: (value: unknown) => Json;
}

/** @throws {UnsupportedConditionError} if it cannot be evaluated on stored values */
export function compileCondition(em: EntityManager, entity: TrackedEntity, condition: Condition): Predicate {
  return new Compiler(em, entity, runtimeOf(em).entities.hierarchyOf(entity)).compile(condition);
}

class Compiler {
  constructor(
    private readonly em: EntityManager,
    private readonly entity: TrackedEntity,
    private readonly classes: readonly TrackedEntity[],
  ) {}

  compile(condition: Condition): Predicate {
    return every(
      Object.entries(condition)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => {
          if (name === '$and') return every((value as Condition[]).map(one => this.compile(one)));
          if (name === '$or') return negated(every((value as Condition[]).map(one => negated(this.compile(one)))));
          if (name === '$not') return negated(this.compile(value as Condition));
          return this.#compare(this.#operand(name), value);
        }),
    );
  }

  #compare(operand: Operand, value: unknown): Predicate {
    if (Array.isArray(value)) return this.#compareBy(operand, '$in', value);
    const isComparison = Utils.isPlainObject(value) && Object.keys(value).every(key => key.startsWith('$'));
    if (!isComparison) return this.#compareBy(operand, '$eq', value);
    return every(Object.entries(value as Condition).map(([name, right]) => this.#compareBy(operand, name, right)));
  }

  #compareBy(operand: Operand, operator: string, value: unknown): Predicate {
    const { stored } = operand;
    switch (operator) {
      case '$eq':
        return isEqual(operand, stored(value));
      case '$ne':
        return negated(isEqual(operand, stored(value)));
      case '$in':
        return isOneOf(operand, (value as unknown[]).map(stored));
      case '$nin':
        return negated(isOneOf(operand, (value as unknown[]).map(stored)));
      case '$gt':
      case '$gte':
      case '$lt':
      case '$lte':
        return isBeyond(operand, operator, stored(value), this.#orderOf(operand, operator));
      default:
        throw this.#unsupported(`${operand.prop.name}.${operator}`, 'only the database has this operator');
    }
  }

  #operand(name: string): Operand {
    const tracked = this.classes.find(({ meta }) => propertyOf(meta, name));
    const prop = tracked && propertyOf(tracked.meta, name);
    if (!prop) throw this.#unsupported(name, 'the class has no such attribute');
    if (prop.primary) {
      return {
        prop,
        read: state => storedReference(state, prop),
        stored: value => storedKeyPart(tracked, prop, value),
      };
    }
    const attribute = tracked.attributes.get(name);
    if (!attribute) throw this.#unsupported(name, 'it is not an attribute that is recorded');
    if (attribute.isMasked) throw this.#unsupported(name, 'its values are masked');
    const read = ({ known, values }: ObjectState) => (known.unknown.has(name) ? undefined : values[name]);
    return { prop, read, stored: value => storedOperand(this.em, tracked, attribute, value) };
  }

  #orderOf({ prop }: Operand, operator: string): Order {
    const order = orderOf(prop);
    if (!order)
      throw this.#unsupported(`${prop.name}.${operator}`, 'only the database knows how its values are ordered');
    return order;
  }

  #unsupported(condition: string, reason: string): UnsupportedConditionError {
    return new UnsupportedConditionError(this.entity.meta.className, condition, reason);
  }
}

function every(predicates: readonly Predicate[]): Predicate {
  return state => {
    let truth: Truth = true;
    for (const isSatisfied of predicates) {
      const one = isSatisfied(state);
      if (one === false) return false;
      if (one === null) truth = null;
    }
    return truth;
  };
}

function negated(predicate: Predicate): Predicate {
  return state => {
    const truth = predicate(state);
    return truth === null ? null : !truth;
  };
}

/** Only the comparison with `null` itself asks for what has no value. */
function isEqual({ read }: Operand, value: Json): Predicate {
  return state => {
    const is = read(state);
    if (is === undefined) return null;
    return value === null ? is === null : is === null ? null : equalJson(value, is);
  };
}

function isOneOf(operand: Operand, values: readonly Json[]): Predicate {
  const ones = values.map(value => isEqual(operand, value));
  const hasNull = values.includes(null);
  return state => {
    if (ones.length === 0) return false;
    const is = operand.read(state);
    if (is === undefined || is === null) return null;
    return ones.some(isOne => isOne(state) === true) || (hasNull ? null : false);
  };
}

function isBeyond({ read }: Operand, operator: string, limit: Json, order: Order): Predicate {
  return state => {
    const is = read(state);
    if (is === undefined || is === null || limit === null) return null;
    const difference = order(is, limit);
    if (difference === 0) return operator.endsWith('e');
    return operator.startsWith('$g') ? difference > 0 : difference < 0;
  };
}
