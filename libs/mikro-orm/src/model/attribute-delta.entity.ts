import type { AttributeAction } from './action.js';
import type { Json } from './json.js';
import type { ObjectDelta } from './object-delta.entity.js';
import type { Revision } from './revision.entity.js';

/** One attribute set or unset: a row of the view `revy_attribute_delta`. Read-only. */
export class AttributeDelta {
  /** The object delta that it belongs to. */
  objectDelta!: ObjectDelta;
  /** The revision that it belongs to. */
  revision!: Revision;
  /** When the revision was recorded, by the database's clock. */
  recordedAt!: Date;
  /** Stored type of the object: the alias of `@Tracked({ as })`, else the class name. */
  objectType!: string;
  /** The object's key as text. */
  objectId!: string;
  /** The property's name. */
  attribute!: string;
  /** Counts from 1 where several actors changed the attribute in one revision. */
  position!: number;
  /** `unset` where the new value is null. */
  action!: AttributeAction;
  /** The value before; `null` also when it is unknown, see {@link AttributeDelta.isOldValueKnown}. */
  oldValue!: Json;
  /** The value after, in stored form; `null` for an unset. */
  newValue!: Json;
  /** `false` when Revy could not see the value before. */
  isOldValueKnown!: boolean;
  /** Stored type of who set it, `'system'` for a named system; `null` for the system. */
  actorType!: string | null;
  /** Key of who set it, or the name of a named system. */
  actorId!: string | null;
  /** The context's `attributeDeltaDescription`, else the object delta's description. */
  description!: string | null;
}
