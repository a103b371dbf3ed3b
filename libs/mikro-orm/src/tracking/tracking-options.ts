import type { EntityCtor } from '@mikro-orm/core';
import type { OnDeleteHandler } from '../cascade/on-delete.js';
import type { MaskFunction } from '../model/mask.js';

/** What the `revy` key of an entity, or `@Tracked()` on its class, may say. */
export interface TrackingOptions<Attribute extends string = string> {
  /** `false` leaves the entity out of the history, as `@Untracked()` does. */
  readonly track?: boolean;
  /** Attributes that are not recorded at all: a flush that changes nothing else records nothing. */
  readonly exclude?: readonly Attribute[];
  /** Attributes whose changes are recorded and whose values are not. */
  readonly mask?: readonly Attribute[];
  /**
   * The stored type name; it outlives a rename of the class.
   *
   * @defaultValue the class name
   */
  readonly as?: string;
  /** Names that attributes had in earlier releases, the latest first, by their present name; see `formerly` of a property. */
  readonly formerly?: { readonly [Name in Attribute]?: string | readonly string[] };
  /**
   * Records what others write to the table as well: QueryBuilder, Kysely, SQL, routines, other programs. The schema
   * generator and migrations make a trigger for it, which looks at each row that was written when its transaction
   * commits, and records what the flush has not.
   *
   * @defaultValue `false`
   */
  readonly triggers?: boolean;
  /** What becomes of an object when the other end of a relation is deleted, by relation; see {@link SET}. */
  readonly onDelete?: { readonly [Relation in Attribute]?: OnDeleteHandler };
}

/** What the `revy` key of a property may say. */
export interface PropertyTrackingOptions {
  /** `false` leaves the attribute out of the history. */
  readonly track?: boolean;
  /**
   * `true` records that the attribute changed, and not its value; a function says what to store in place of it. Snapshots
   * know neither. `false` records the value of a property with `hidden: true`.
   *
   * @defaultValue `true` for properties with `hidden: true`, by the option `hidden` of `revy()`
   */
  readonly mask?: boolean | MaskFunction;
  /**
   * The name that the attribute had in earlier releases; several, the latest first. Snapshots read what was recorded
   * under it. It may not be the name of another attribute now.
   */
  readonly formerly?: string | readonly string[];
  /** On an owning relation: what becomes of the object when the other end is deleted; see {@link SET}. */
  readonly onDelete?: OnDeleteHandler;
}

declare module '@mikro-orm/core' {
  // oxlint-disable-next-line typescript/no-explicit-any -- has to match the declaration that it extends
  interface EntityMetadata<Entity = any, Class extends EntityCtor<Entity> = EntityCtor<Entity>> {
    /** What Revy records of this entity. */
    revy?: TrackingOptions;
  }
  interface PropertyOptions<Owner> {
    /** What Revy records of this property. */
    revy?: PropertyTrackingOptions;
  }
}
