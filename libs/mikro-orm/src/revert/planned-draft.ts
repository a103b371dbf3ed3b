import type { EntityMetadata } from '@mikro-orm/core';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { Present } from './present.js';
import { type PlaceValue } from './place.js';
import type { ConflictReason } from './revert-plan.js';

/** A conflict that nobody has decided on; its revision is not read yet. */
export interface Obstacle {
  readonly reason: ConflictReason;
  readonly revision?: number | undefined;
  /** What is in the way, where no revision is. */
  readonly detail?: string;
}

/** One attribute on its way into a plan. */
export interface ValueDraft {
  readonly name: string;
  /** Of a link: the target's key as JSON; its values are `true` and `false`. */
  readonly target?: string;
  readonly was: PlaceValue;
  readonly is: PlaceValue;
  /** What it becomes where it may not be overwritten: later changes stay. */
  readonly kept: PlaceValue;
  willBe: PlaceValue;
  obstacle?: Obstacle | undefined;
}

/** One object on its way into a plan. */
export interface ObjectDraft {
  readonly tracked: TrackedEntity;
  /** The stored type. */
  readonly type: string;
  readonly objectId: string;
  readonly present: Present | undefined;
  /** Whether it is to exist: as it is to be put back. */
  readonly existed: boolean;
  willExist: boolean;
  obstacle?: Obstacle | undefined;
  readonly values: readonly ValueDraft[];
}

/** The objects of a plan, to be found by their class and key. */
export class PlannedDrafts {
  readonly #byTable = new Map<number, Map<string, ObjectDraft>>();

  constructor(readonly all: readonly ObjectDraft[]) {
    for (const draft of all) {
      const { _id } = draft.tracked.meta.root;
      const ofTable = this.#byTable.get(_id) ?? new Map<string, ObjectDraft>();
      this.#byTable.set(_id, ofTable.set(draft.objectId, draft));
    }
  }

  /** Those of a class and of its relatives in one hierarchy, whose keys are of one kind; by object id. */
  of(meta: EntityMetadata): ReadonlyMap<string, ObjectDraft> {
    return this.#byTable.get(meta.root._id) ?? NONE;
  }
}

const NONE: ReadonlyMap<string, ObjectDraft> = new Map();

const SURMOUNTABLE: ReadonlySet<ConflictReason> = new Set<ConflictReason>([
  'changed-later',
  'changed-unrecorded',
  'key-taken',
  'still-referred-to',
]);

export function canOverwrite({ reason }: Obstacle): boolean {
  return SURMOUNTABLE.has(reason);
}

/** What nothing can overwrite takes the place of what could be; it is said, and asked about, once. */
export function obstruct(value: ValueDraft, obstacle: Obstacle): void {
  if (value.obstacle?.reason !== obstacle.reason) value.obstacle = obstacle;
}

/** What is in the way of an object, as a whole and value by value. */
export function obstaclesOf({ obstacle, values }: ObjectDraft): Obstacle[] {
  return [obstacle, ...values.map(value => value.obstacle)].filter(one => one !== undefined);
}

export function isLink(value: ValueDraft): value is ValueDraft & { readonly target: string } {
  return value.target !== undefined;
}
