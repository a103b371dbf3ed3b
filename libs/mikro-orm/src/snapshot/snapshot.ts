import type { ObjectPoint } from '../history/point.js';
import type { Revision } from '../model/revision.entity.js';

/** One object as it was at a point. */
export interface Snapshot<T extends object> {
  /**
   * A detached instance of the entity's class: changing it changes nothing that is live, and persisting it inserts it
   * again under the same key. To-one relations are references; collections are not loaded.
   */
  readonly entity: T;
  /** Properties whose value nobody knows: excluded, masked, or never seen. They are `undefined` on the entity. */
  readonly unknown: string[];
  /** The point that was asked for; `undefined` for the latest. */
  readonly point: ObjectPoint | undefined;
  /** Number of the version, from 1; 0 is the state that tracking found the object in. */
  readonly version: number;
  /** The revision that made this version; `null` for version 0. */
  readonly revision: Revision | null;
  /** The object had been deleted by then; the entity shows what was deleted. */
  readonly isDeleted: boolean;
  /** Nothing has changed since. */
  readonly isLive: boolean;
}
