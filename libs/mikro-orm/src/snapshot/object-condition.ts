import type { Collection, EntityKey, ExpandProperty, Primary, Scalar } from '@mikro-orm/core';

/** What a condition may compare an attribute with: a value of its type, of a to-one relation the key or the entity. */
type Operand<V> =
  | null
  | (V extends Collection<object> ? never : V extends Scalar | readonly unknown[] ? V : V | Primary<ExpandProperty<V>>);

/** Comparisons that all have to hold. */
interface Comparisons<V> {
  readonly $eq?: Operand<V>;
  readonly $ne?: Operand<V>;
  readonly $in?: readonly Operand<V>[];
  readonly $nin?: readonly Operand<V>[];
  readonly $gt?: Operand<V>;
  readonly $gte?: Operand<V>;
  readonly $lt?: Operand<V>;
  readonly $lte?: Operand<V>;
}

/**
 * Which objects to read, by what they were at a point: attributes with a value, a list of values, or comparisons.
 *
 * As in the database, what is `null` or unknown satisfies no comparison but the one with `null`. Ranges are for
 * numbers, decimals, dates and times: how text is ordered only the database knows.
 */
export type ObjectCondition<T> = {
  readonly [Attribute in EntityKey<T>]?:
    | Operand<NonNullable<T[Attribute]>>
    | readonly Operand<NonNullable<T[Attribute]>>[]
    | Comparisons<NonNullable<T[Attribute]>>;
} & {
  readonly $and?: readonly ObjectCondition<T>[];
  readonly $or?: readonly ObjectCondition<T>[];
  readonly $not?: ObjectCondition<T>;
};
