import { type Actor, unwrapActor } from './actor.js';
import { type Attribution, sameAttribution } from './attribution-value.js';
import type { Frame } from './frame.js';

/** A revision to write into, or a function that makes one on first use. */
export type RevisionSource = object | (() => object);

/** What a frame can say. A key that is absent or `undefined` leaves the enclosing frame's value in force. */
export interface RevisionValues {
  /**
   * Who makes the changes: an entity (or a MikroORM `Reference` to one), a `SystemActor`, an `ActorRef`, or `null` for
   * the system.
   */
  actor?: Actor | undefined;
  /**
   * The revision that the changes belong to, or a function that makes it, called at most once per frame. The transaction
   * that makes it sends one statement more; those that are committed at the same time wait for its COMMIT.
   */
  revision?: RevisionSource | undefined;
  /** Why the whole revision was made. */
  revisionDescription?: string | null | undefined;
  /** Why an object was created, updated or removed. */
  objectDeltaDescription?: string | null | undefined;
  /** Why an attribute was set or unset. */
  attributeDeltaDescription?: string | null | undefined;
  /** Why an object disappeared that a cascade took along. */
  deletionDescription?: string | null | undefined;
  /** Stored with the revision as JSON; nested frames merge theirs over the enclosing one's, key by key. */
  metadata?: Record<string, unknown> | undefined;
}

/** What holds in a frame once every enclosing frame has been asked. */
export interface ResolvedValues extends Readonly<RevisionValues> {
  readonly isDisabled: boolean;
  readonly attribution: Attribution;
  /** The frame that set `revision`: a function is called once for each owner. */
  readonly revisionOwner: Frame | undefined;
}

const unattributed: Attribution = Object.freeze({
  actor: undefined,
  objectDescription: null,
  attributeDescription: null,
  deletionDescription: null,
});

/** What holds outside every frame. */
export const unresolved: ResolvedValues = Object.freeze({
  actor: undefined,
  revision: undefined,
  revisionDescription: undefined,
  objectDeltaDescription: undefined,
  attributeDeltaDescription: undefined,
  deletionDescription: undefined,
  metadata: undefined,
  isDisabled: false,
  attribution: unattributed,
  revisionOwner: undefined,
});

/** One frame's own values laid over what encloses it; `before` is what the same frame resolved to last time. */
export function resolveValues(
  owner: Frame,
  own: Readonly<RevisionValues>,
  outer: ResolvedValues,
  before: ResolvedValues | undefined,
): ResolvedValues {
  const attributed = {
    actor: own.actor === undefined ? outer.actor : unwrapActor(own.actor),
    objectDeltaDescription: own.objectDeltaDescription ?? inherited(own, outer, 'objectDeltaDescription'),
    attributeDeltaDescription: own.attributeDeltaDescription ?? inherited(own, outer, 'attributeDeltaDescription'),
    deletionDescription: own.deletionDescription ?? inherited(own, outer, 'deletionDescription'),
  };
  return {
    ...attributed,
    revision: own.revision ?? outer.revision,
    revisionOwner: own.revision === undefined ? outer.revisionOwner : owner,
    revisionDescription: own.revisionDescription ?? inherited(own, outer, 'revisionDescription'),
    metadata:
      own.metadata && outer.metadata ? { ...outer.metadata, ...own.metadata } : (own.metadata ?? outer.metadata),
    isDisabled: owner.ownDisabled ?? outer.isDisabled,
    attribution: attributionOf(attributed, outer, before),
  };
}

type DescriptionKey = Extract<keyof RevisionValues, `${string}Description`>;

/** `null` is a value of its own, which hides the enclosing description. */
function inherited(
  own: Readonly<RevisionValues>,
  outer: ResolvedValues,
  key: DescriptionKey,
): string | null | undefined {
  return own[key] === null ? null : outer[key];
}

/** Reuses an attribution that says the same, so that most comparisons end at the identity check. */
function attributionOf(
  values: Readonly<RevisionValues>,
  outer: ResolvedValues,
  before: ResolvedValues | undefined,
): Attribution {
  const attribution: Attribution = {
    actor: values.actor,
    objectDescription: values.objectDeltaDescription ?? null,
    attributeDescription: values.attributeDeltaDescription ?? null,
    deletionDescription: values.deletionDescription ?? null,
  };
  if (sameAttribution(attribution, outer.attribution)) {
    return outer.attribution;
  }
  return before && sameAttribution(attribution, before.attribution) ? before.attribution : Object.freeze(attribution);
}
