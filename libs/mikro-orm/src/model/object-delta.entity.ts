import type { ObjectAction } from './action.js';
import type { Json, JsonRecord } from './json.js';
import type { Revision } from './revision.entity.js';

/** Who set one attribute and why, where that differs from the object delta's own actor or description. */
export interface StoredAttribution {
  /** Stored type of who set it, `'system'` for a named system; `null` for the system. */
  readonly actorType: string | null;
  /** Key of who set it, or the name of a named system. */
  readonly actorId: string | null;
  /** The context's `attributeDeltaDescription`. */
  readonly description: string | null;
  /** What this actor set, when another one changed the attribute again in the same revision. */
  readonly value?: Json;
}

/** One object created, updated or deleted by a revision. Read-only: Revy writes it. */
export class ObjectDelta {
  /** Ascending: the deltas of one object are in the order in which they were committed. */
  id!: number;
  /** The revision that it belongs to. */
  revision!: Revision;
  /** What became of the object. */
  action!: ObjectAction;
  /** Stored type: the alias of `@Tracked({ as })`, else the class name. */
  objectType!: string;
  /** The object's key as text: the bare value, or a JSON array for a composite key. */
  objectId!: string;
  /** The number of the version of the object that this delta made, from 1. */
  version!: number;
  /** Stored type of who did it, `'system'` for a named system; `null` for the system. */
  actorType!: string | null;
  /** Key of who did it, or the name of a named system. */
  actorId!: string | null;
  /** The context's `objectDeltaDescription`. */
  description!: string | null;
  /** Values before, by attribute; `null` for a create. A missing key of an update means that it did not change. */
  oldValues!: JsonRecord | null;
  /** Values after, by attribute; `null` for a delete. */
  newValues!: JsonRecord | null;
  /** Attributes whose actor or description differ from this delta's, each with who set it, in order. */
  attributions!: Record<string, StoredAttribution[]> | null;
  /** The object's full known state, stored with some deltas so that a rebuild never reads a long tail. */
  state!: JsonRecord | null;
}
