import type { EntityName, ObjectQuery, Primary } from '@mikro-orm/core';
import type { Actor } from '../../context/actor.js';
import type { ObjectAction } from '../../model/action.js';
import type { ObjectDelta } from '../../model/object-delta.entity.js';
import type { Revision } from '../../model/revision.entity.js';
import type { AttributeName, AttributeValue, CollectionItem, ObjectOrKey, Operand } from '../attribute-name.js';

/** A text that has to be the same, or that has to look like a pattern of `like`; `null` for none. */
export type TextFilter =
  | string
  | null
  | {
      readonly $eq?: string | null;
      readonly $ne?: string | null;
      readonly $in?: readonly string[];
      /** A pattern: `%` stands for any text, `_` for one character. */
      readonly $like?: string;
      /** The same without regard to case. */
      readonly $ilike?: string;
    };

/** Operators for a value of an attribute; all that are given have to hold. */
export type ValueOperators<Value> = {
  readonly $eq?: Value | null;
  readonly $ne?: Value | null;
  readonly $in?: readonly (Value | null)[];
  readonly $nin?: readonly (Value | null)[];
} & (Value extends number | bigint | string | Date
  ? { readonly $gt?: Value; readonly $gte?: Value; readonly $lt?: Value; readonly $lte?: Value }
  : unknown) &
  (Value extends string ? { readonly $like?: string; readonly $ilike?: string } : unknown);

/** A value that has to be the same, or operators. */
export type ValueFilter<Value> = Value | null | ValueOperators<Value>;

/** How one attribute was changed. */
export interface ChangeFilter<Value> {
  /** What it was before; `null` also where the object is new. */
  readonly from?: ValueFilter<Operand<Value>>;
  /** What it became; `null` also where the object was deleted. */
  readonly to?: ValueFilter<Operand<Value>>;
  /** Who set this attribute. */
  readonly actor?: Actor;
  /** Why: the `attributeDeltaDescription`, else the object delta's description. */
  readonly description?: TextFilter;
}

/** How the links of a many-to-many collection were changed. */
export interface LinkFilter<Item> {
  /** This object was linked. */
  readonly added?: ObjectOrKey<Item>;
  /** This object was unlinked. */
  readonly removed?: ObjectOrKey<Item>;
  /** Who linked or unlinked it. */
  readonly actor?: Actor;
  /** Why: the `attributeDeltaDescription`, else the object delta's description. */
  readonly description?: TextFilter;
}

/** Whether one attribute was changed, or how. */
export type AttributeFilter<Value> =
  boolean | ([CollectionItem<Value>] extends [never] ? ChangeFilter<Value> : LinkFilter<CollectionItem<Value>>);

/**
 * Which attributes were changed: one, any of several, or for each whether (`true`, `false`) and how. What a create left
 * null, or a deletion found null, is not a change. An embeddable is one attribute.
 */
export type ChangedFilter<T> = [AttributeName<T>] extends [never]
  ? never
  : | AttributeName<T>
    | readonly AttributeName<T>[]
    | { readonly [Name in AttributeName<T>]?: AttributeFilter<AttributeValue<T, Name>> };

/** What revisions and deltas can both be narrowed by. All that is given has to hold. */
export interface HistoryFilter {
  /** An entity, a {@link SystemActor}, or `null` for the system: the actor of the revision, or of the object delta. */
  readonly actor?: Actor;
  /** Somebody who made it, or set at least one attribute in it. */
  readonly involving?: Actor;
  /** The revision's description, or the object delta's. */
  readonly description?: TextFilter;
  /** The metadata of the revision has at least this in it. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Recorded at this time or later. */
  readonly since?: Date;
  /** Recorded at this time or earlier. */
  readonly until?: Date;
}

/** What happened to objects. All that is given has to hold for one delta. */
export interface ChangeOfObject<T extends object> {
  readonly action?: ObjectAction | readonly ObjectAction[];
  readonly changed?: NoInfer<ChangedFilter<T>>;
}

/** Which objects: of these classes, with these keys, or these ones. */
export interface ObjectFilter<T extends object> {
  /**
   * A class, or several; classes that inherit from it in the database are included. TypeScript finds out the attributes
   * of one class; those of several are named with the call: `deltas<Post | Comment>({ … })`.
   */
  readonly type?: EntityName<T> | readonly EntityName[];
  /** Keys of objects of the one class that `type` names. */
  readonly keys?: readonly Primary<T>[];
  /** Objects of any class, as entities or references. */
  readonly objects?: readonly T[];
}

/** How much, in which order, and from where on. */
export interface PageOptions {
  /**
   * In the order of their ids, in which they were recorded: oldest or newest first.
   *
   * @defaultValue `'asc'`
   */
  readonly order?: 'asc' | 'desc';
  /**
   * At most so many.
   *
   * @defaultValue no limit
   */
  readonly limit?: number;
  /** Go on behind a page, with its `next`; or behind an id, in the order asked for. */
  readonly after?: string | number | null;
}

/** What the deltas of one object can be narrowed by. */
export interface ObjectDeltaFilter<T extends object, D extends ObjectDelta = ObjectDelta>
  extends HistoryFilter, ChangeOfObject<T> {
  /** Only the deltas of this revision. */
  readonly revision?: number | Revision;
  /** Conditions of MikroORM on {@link ObjectDelta}, on columns of your own as well. */
  readonly where?: ObjectQuery<D>;
}

/** What deltas can be narrowed by. */
export interface DeltaFilter<T extends object, D extends ObjectDelta = ObjectDelta>
  extends ObjectDeltaFilter<T, D>, ObjectFilter<T> {
  /** Of each object only the first or the last delta of those that the other filters leave. */
  readonly only?: 'first' | 'last';
}

/** What revisions can be narrowed by: what they say, and what one of their deltas does. */
export interface RevisionFilter<T extends object, R extends Revision = Revision>
  extends HistoryFilter, ObjectFilter<T>, ChangeOfObject<T> {
  /** Conditions of MikroORM on {@link Revision}, on columns of your own as well. */
  readonly where?: ObjectQuery<R>;
}
