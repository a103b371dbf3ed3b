import type { ObjectAction } from '../model/action.js';
import type { Json } from '../model/json.js';
import { planTable } from './plan-table.js';

/**
 * What stands in the way of putting one thing back:
 *
 * | reason | says | `'overwrite'` |
 * | --- | --- | --- |
 * | `changed-later` | a later revision set it; the revision says who, when and why | puts the earlier value back |
 * | `changed-unrecorded` | it is not what the history says: something wrote past it | puts the earlier value back |
 * | `key-taken` | the object is gone, and another one has its key | changes that one |
 * | `still-referred-to` | other rows refer to the object that would be deleted | deletes it, and what the rules take along |
 * | `row-gone` | the object was deleted since | cannot |
 * | `unique-taken` | another row has the value, which is unique | cannot |
 * | `parent-gone` | it would refer to a row that does not exist | cannot |
 * | `unknown-value` | nobody knows what it was | cannot |
 * | `masked` | only the mask of what it was is stored | cannot |
 */
export type ConflictReason =
  | 'changed-later'
  | 'changed-unrecorded'
  | 'key-taken'
  | 'still-referred-to'
  | 'row-gone'
  | 'unique-taken'
  | 'parent-gone'
  | 'unknown-value'
  | 'masked';

/** The revision in the way. */
export interface RevisionInTheWay {
  /** Its id. */
  readonly id: number;
  /** When it was recorded. */
  readonly recordedAt: Date;
  /** Why it was made. */
  readonly description: string | null;
  /** Stored type of who made it. */
  readonly actorType: string | null;
  /** Key of who made it. */
  readonly actorId: string | null;
}

/** Why one thing cannot be put back without a decision. */
export interface RevertConflict {
  /** What kind of obstacle it is. */
  readonly reason: ConflictReason;
  /** Stored type of the object. */
  readonly objectType: string;
  /** The object's key as text. */
  readonly objectId: string;
  /** `null` for the object as a whole. */
  readonly attribute: string | null;
  /** Of a link: the key of the object at its other end. */
  readonly target?: Json;
  /** The value before, in stored form; `undefined` where there is none or nobody knows it. */
  readonly was: Json | undefined;
  /** The present value, likewise. */
  readonly is: Json | undefined;
  /** `null` where no recorded revision is to blame. */
  readonly revision: RevisionInTheWay | null;
  /** In words, what is in the way. */
  readonly message: string;
  /** Whether `'overwrite'` can go on regardless. */
  readonly canOverwrite: boolean;
}

/** One attribute, or one link of a collection, of an object in a plan. Values are in stored form. */
export interface PlannedValue {
  /** The property's name. */
  readonly attribute: string;
  /** Of a link: the key of the object at its other end; then `was`, `is` and `willBe` say whether there is one. */
  readonly target?: Json;
  /** Before what is undone; `undefined` if nobody knows. */
  readonly was: Json | undefined;
  /** Now; `undefined` if the object does not exist. */
  readonly is: Json | undefined;
  /** After the revert; `undefined` if the object will not exist. */
  readonly willBe: Json | undefined;
  /** `clean`: still what is undone had set. `already`: back without us. */
  readonly status: 'clean' | 'already' | 'conflict';
  /** What stands in the way of putting it back. */
  readonly conflict?: RevertConflict;
}

/** One object in a plan. */
export interface PlannedObject {
  /** Stored type of the object. */
  readonly objectType: string;
  /** The object's key as text. */
  readonly objectId: string;
  /** What the revert does to it; `null`: nothing. */
  readonly action: ObjectAction | null;
  /** How its creation or deletion stands, as {@link PlannedValue} has it. */
  readonly status: 'clean' | 'already' | 'conflict';
  /** What stands in the way of making or deleting the object. */
  readonly conflict?: RevertConflict;
  /** Its attributes and links that are undone. */
  readonly values: readonly PlannedValue[];
}

/** What a revert would do, or has done; prints as a table, and is plain JSON for a user interface. */
export class RevertPlan {
  constructor(
    /** What it does to each object, and to what of it. */
    readonly objects: readonly PlannedObject[],
    /** Ids of the revisions that are undone, wholly or in part. */
    readonly reverts: readonly number[],
    private readonly recorded: { readonly id?: number } | undefined,
  ) {}

  /** Id of the revision that recorded the revert; `null` if nothing was changed, or before the COMMIT. */
  get revision(): number | null {
    return this.recorded?.id ?? null;
  }

  /** Everything that stands in the way, of objects and of values. */
  get conflicts(): RevertConflict[] {
    return this.objects.flatMap(object =>
      [object.conflict, ...object.values.map(value => value.conflict)].filter(conflict => conflict !== undefined),
    );
  }

  /** Nothing stands in the way. */
  get isClean(): boolean {
    return this.conflicts.length === 0;
  }

  /** Everything is back already, or stays as it is. */
  get isEmpty(): boolean {
    return this.objects.every(object => object.action === null);
  }

  /** Objects, ids of the revisions, and whether the plan is clean. */
  toJSON(): object {
    const { objects, reverts, revision, isClean } = this;
    return { objects, reverts, revision, isClean };
  }

  /** A table with a line for each object and value. */
  toString(): string {
    return planTable(this.objects);
  }
}
