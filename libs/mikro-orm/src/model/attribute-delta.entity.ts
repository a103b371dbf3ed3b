import type { AttributeAction } from './action.js';
import type { Json } from './json.js';
import type { ObjectDelta } from './object-delta.entity.js';
import type { Revision } from './revision.entity.js';

/** One attribute set or unset: a row of the view `revy_attribute_delta`. Read-only. */
export class AttributeDelta {
  objectDelta!: ObjectDelta;
  revision!: Revision;
  recordedAt!: Date;
  objectType!: string;
  objectId!: string;
  /** The property's name. */
  attribute!: string;
  /** Counts from 1 where several actors changed the attribute in one revision. */
  position!: number;
  action!: AttributeAction;
  /** The value before; `null` also when it is unknown, see {@link isOldValueKnown}. */
  oldValue!: Json;
  newValue!: Json;
  /** `false` when Revy could not see the value before. */
  isOldValueKnown!: boolean;
  actorType!: string | null;
  actorId!: string | null;
  /** The context's `attributeDeltaDescription`, else the object delta's description. */
  description!: string | null;
}
