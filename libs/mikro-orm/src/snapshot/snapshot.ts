import type { Loaded } from '@mikro-orm/core';
import type { ObjectPoint } from '../history/point.js';
import type { Revision } from '../model/revision.entity.js';
import type { UnknownReason } from './known-state.js';

/** One object as it was at a point; `Hint` are the paths of the relations that were populated. */
export interface Snapshot<T extends object, Hint extends string = never> {
  /**
   * A detached instance of the entity's class: changing it changes nothing that is live, and persisting it inserts it
   * again under the same key. To-one relations are references and collections are not loaded, but for those that were
   * populated.
   */
  readonly entity: [Hint] extends [never] ? T : Loaded<T, Hint>;
  /**
   * Properties whose value nobody knows, with those of populated relations by their path. They are `undefined` on the
   * entity.
   */
  readonly unknown: string[];
  /** Why each of them is unknown. */
  readonly reasons: Readonly<Record<string, UnknownReason>>;
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
