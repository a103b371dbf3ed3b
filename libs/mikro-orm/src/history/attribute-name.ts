import type { EntityKey, ExpandProperty, Primary, Scalar } from '@mikro-orm/core';

/** Names of an entity's attributes: its properties, without methods. Of several classes, those that any of them has. */
export type AttributeName<T> = T extends unknown ? EntityKey<T> : never;

/** What an attribute holds in its entity. */
export type AttributeValue<T, Name> = T extends unknown ? (Name extends keyof T ? T[Name] : never) : never;

/** The class of what a collection holds; `never` for an attribute that is no collection. */
export type CollectionItem<Value> = Value extends { getItems(check?: boolean): (infer Item extends object)[] }
  ? Item
  : never;

/** What stands for an object: itself, a reference to it, or its key. */
export type ObjectOrKey<T> = T | Primary<T>;

/** What the value of an attribute can be compared with; for a relation, the related object or its key. */
export type Operand<Value> = Value extends null | undefined
  ? never
  : Value extends Scalar | readonly unknown[]
    ? Value
    : Value | ObjectOrKey<ExpandProperty<Value>>;
