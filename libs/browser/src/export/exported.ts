import type { Json, ObjectAction, ObjectDelta, TrackedType } from '@revy/mikro-orm';
import { typeOf } from '../wording/stored-type.js';
import { attributeChanges } from '../revision/delta-changes.js';

/** One attribute of an exported delta; of a masked one there are no values. */
export interface ExportedChange {
  readonly attribute: string;
  readonly before?: Json;
  readonly after?: Json;
  readonly isMasked?: true;
}

/** A delta as it is exported, with what its revision says. */
export interface ExportedDelta {
  readonly revision: number;
  readonly recordedAt: string;
  readonly objectType: string;
  readonly objectId: string;
  readonly version: number;
  readonly action: ObjectAction;
  readonly actorType: string | null;
  readonly actorId: string | null;
  /** Why: the object delta's description, else the revision's. */
  readonly description: string | null;
  readonly changes: readonly ExportedChange[];
}

export function exported(delta: ObjectDelta, types: readonly TrackedType[]): ExportedDelta {
  const { revision, objectType, objectId, version, action, actorType, actorId } = delta;
  const tracked = typeOf(types, objectType);
  const changes = attributeChanges(delta).map(({ attribute, before, after }): ExportedChange => {
    if (tracked?.isMasked(attribute)) return { attribute, isMasked: true };
    return { attribute, ...(before !== undefined && { before }), ...(after !== undefined && { after }) };
  });
  return {
    revision: revision.id,
    recordedAt: revision.recordedAt.toISOString(),
    objectType,
    objectId,
    version,
    action,
    actorType,
    actorId,
    description: delta.description ?? revision.description,
    changes,
  };
}
