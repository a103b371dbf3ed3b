import type { Attribution } from '../context/attribution-value.js';
import type { ObjectAction } from '../model/action.js';
import type { Json, JsonRecord } from '../model/json.js';
import type { Masks } from '../model/mask.js';

/** What one actor did to one attribute, where several did or where it is not whoever flushed. */
export interface ChangeStep {
  readonly attribution: Attribution;
  /** What this step set; absent for the last one, which set what the row now holds. */
  readonly value?: Json;
}

/** Targets linked and unlinked in a many-to-many collection, as keys in stored form. */
export interface LinkChange {
  readonly added: readonly Json[];
  readonly removed: readonly Json[];
  /** Where the collection has an order. */
  readonly order?: LinkOrder | undefined;
}

/** How the targets of an ordered collection moved. MikroORM moves links by making them again, behind all others. */
export interface LinkOrder {
  /** The targets that stand last now, in this order: those that were linked or moved. */
  readonly last: readonly Json[];
  /** In which order those stood before that were moved or unlinked; absent where that is not known. */
  readonly before?: readonly Json[] | undefined;
}

/** What one flush did to one object: seen, and not yet compared. */
export interface Change {
  readonly type: string;
  readonly objectId: string;
  readonly action: ObjectAction;
  /** Values that were known before; empty for a create. */
  readonly before: JsonRecord;
  /** Values after; empty for a delete. */
  readonly after: JsonRecord;
  readonly links: Readonly<Record<string, LinkChange>>;
  /** Who flushed. */
  readonly attribution: Attribution;
  readonly steps: ReadonlyMap<string, readonly ChangeStep[]>;
  /** Attributes whose values may not be stored. */
  readonly masked: Masks;
  /** A deletion that may have found no row; the history knows whether the object was there. */
  readonly isDoubtful?: boolean;
}
