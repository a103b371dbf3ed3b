import type { AttributeName, AttributeValue, CollectionItem } from '../history/attribute-name.js';
import type { ObjectPoint } from '../history/point.js';
import type { ObjectAction } from '../model/action.js';
import type { EntityName, Primary } from '@mikro-orm/core';

/** Two values of an attribute; `null` also where the object did not exist. */
export interface ValueDiff<Value> {
  /** The value at the first point. */
  readonly oldValue: Value | null;
  /** The value at the second one. */
  readonly newValue: Value | null;
}

/** What a collection has at one end and not at the other: references that carry their key. */
export interface CollectionDiff<Item> {
  /** What only the second state has. */
  readonly added: readonly Item[];
  /** What only the first state has. */
  readonly removed: readonly Item[];
}

/** How an attribute differs: by its value, or by what is in it. */
export type AttributeDiff<Value> = [CollectionItem<Value>] extends [never]
  ? ValueDiff<Value>
  : CollectionDiff<CollectionItem<Value>>;

/** What differs between two states. */
export interface Diff<T extends object> {
  /** Whether the object came to be, changed, or went; `null` if nothing differs as far as anybody knows. */
  readonly action: ObjectAction | null;
  /** The attributes that differ, in the order of the class. */
  readonly changed: { readonly [Name in AttributeName<T>]?: AttributeDiff<AttributeValue<T, Name>> };
  /** Attributes that cannot be compared, because nobody knows their value in one of the states. */
  readonly unknown: AttributeName<T>[];
}

/** Which attributes are compared. */
export interface DiffOptions<T extends object> {
  /**
   * Only these.
   *
   * @defaultValue all that are recorded of the object
   */
  readonly attributes?: readonly AttributeName<T>[];
  /** Not these. */
  readonly except?: readonly AttributeName<T>[];
}

/** One of two objects that are compared. */
export interface ObjectAtPoint<T extends object> {
  /** Its class. */
  readonly type: EntityName<T>;
  /** Its primary key. */
  readonly key: Primary<T>;
  /**
   * Where in its history.
   *
   * @defaultValue the latest state that is recorded
   */
  readonly at?: ObjectPoint | undefined;
}
