import { helper, Utils } from '@mikro-orm/core';
import { type Actor, ActorRef, SystemActor } from './context/actor.js';
import { UnusableCapturedContextError } from './context/context.errors.js';
import { currentFrame } from './context/frame-store.js';
import type { Frame } from './context/frame.js';
import { RevisionContext } from './context/revision-context.js';
import type { Json, JsonRecord } from './model/json.js';
import { SYSTEM_TYPE } from './model/system-type.js';
import { UnserialisableMetadataError } from './revy.errors.js';
import { EXTENSION, type RevyRuntime } from './runtime.js';
import { type StoredActor, storedActor } from './tracking/stored-actor.js';

const DESCRIPTIONS = [
  'revisionDescription',
  'objectDeltaDescription',
  'attributeDeltaDescription',
  'deletionDescription',
] as const;

/** What {@link captureContext} gives: plain JSON, to be stored with a job. What is absent says nothing. */
export interface CapturedContext {
  /** Tells this form from later ones. */
  readonly revy: 1;
  /** Stored type and key of the actor; `null` for the system. */
  readonly actor?: { readonly type: string; readonly id: string } | null;
  /** Why the revision is made. */
  readonly revisionDescription?: string | null;
  /** Why objects are created, updated or removed. */
  readonly objectDeltaDescription?: string | null;
  /** Why attributes are set. */
  readonly attributeDeltaDescription?: string | null;
  /** Why objects disappear that a cascade takes along. */
  readonly deletionDescription?: string | null;
  /** With the {@link Cause} under `causedBy`. */
  readonly metadata?: JsonRecord;
  /** Nothing was recorded there, nor will it be. */
  readonly isDisabled?: true;
}

/** What the metadata of a job's revisions has under `causedBy`: where the context was captured first. */
export type Cause = {
  /** The revision that was recorded there last, if there was one by then. */
  revision: number | null;
  /** Who acted there, as `Revision` has it. */
  actorType: string | null;
  /** Its key; the name of a named system. */
  actorId: string | null;
  /** Why. */
  description: string | null;
  /** When it was captured, by the clock of that machine: an ISO date. */
  capturedAt: string;
};

/**
 * The context that holds here, as a small JSON value: for a job that another process will carry out.
 *
 * Actor, descriptions, metadata, and whether recording is disabled. A context that was restored and is captured again
 * keeps its first cause. A `revision` does not travel: what a job changes is a revision of its own. Needs no database.
 *
 * ```ts
 * await queue.add('publish', { postId: post.id, context: captureContext() });
 * ```
 *
 * @throws {UnusableActorError} if the actor is no entity of a tracked ORM, or has no key yet
 * @throws {UnserialisableMetadataError} if the metadata has no JSON form
 */
export function captureContext(): CapturedContext {
  const frame = currentFrame();
  if (!frame) return { revy: 1 };
  const { values } = frame;
  const actor = storedActor(values.actor, entitiesOf(values.actor));
  const said = DESCRIPTIONS.filter(key => values[key] !== undefined).map(key => [key, values[key]] as const);
  return {
    revy: 1,
    ...(values.actor === undefined ? {} : { actor: capturedActor(actor) }),
    ...Object.fromEntries(said),
    metadata: { causedBy: causeIn(frame, actor), ...asJson(values.metadata) },
    ...(values.isDisabled ? { isDisabled: true } : {}),
  };
}

/**
 * Runs a function in a captured context, in a frame of its own: what it changes is credited to whoever acted where the
 * context was captured, and names that place as its cause.
 *
 * The actor is an {@link ActorRef}, or the `SystemActor` that it was. Inside, `RevisionContext.run` says who acts
 * instead; the cause stays.
 *
 * ```ts
 * await runWithCaptured(job.data.context, () => publish(job.data.postId));
 * ```
 *
 * @param captured what {@link captureContext} gave, as it comes out of JSON
 * @returns what `fn` returns
 * @throws {UnusableCapturedContextError} if it is anything else
 */
export function runWithCaptured<Result>(captured: CapturedContext, fn: () => Result): Result {
  if (!isCaptured(captured)) throw new UnusableCapturedContextError(captured);
  const { revy: _form, isDisabled, actor, ...values } = captured;
  const inFrame = isDisabled ? () => RevisionContext.runDisabled(fn) : fn;
  return RevisionContext.run({ ...values, actor: restoredActor(actor) }, inFrame);
}

function causeIn(frame: Frame, { actorType, actorId }: StoredActor): Cause {
  return {
    revision: frame.lastRevision ?? null,
    actorType,
    actorId,
    description: frame.values.revisionDescription ?? null,
    capturedAt: new Date().toISOString(),
  };
}

function entitiesOf(actor: Actor | undefined): RevyRuntime['entities'] | undefined {
  if (!Utils.isEntity(actor)) return undefined;
  return helper(actor).__config?.getExtension<RevyRuntime>(EXTENSION)?.entities;
}

function capturedActor({ actorType, actorId }: StoredActor): CapturedContext['actor'] {
  return actorType === null ? null : { type: actorType, id: actorId! };
}

function restoredActor(actor: CapturedContext['actor']): Actor | undefined {
  if (!actor) return actor;
  return actor.type === SYSTEM_TYPE ? new SystemActor(actor.id) : new ActorRef(actor.type, actor.id);
}

function asJson(metadata: Record<string, unknown> | undefined): JsonRecord {
  try {
    return JSON.parse(JSON.stringify(metadata ?? {})) as JsonRecord;
  } catch (cause) {
    throw new UnserialisableMetadataError(cause);
  }
}

function isCaptured(value: unknown): value is CapturedContext {
  if (!isRecord(value) || value['revy'] !== 1) return false;
  const { actor, metadata, isDisabled } = value;
  return (
    (actor === undefined || actor === null || (isRecord(actor) && isText(actor['type']) && isText(actor['id']))) &&
    (metadata === undefined || isRecord(metadata)) &&
    (isDisabled === undefined || isDisabled === true) &&
    DESCRIPTIONS.every(key => value[key] === undefined || value[key] === null || typeof value[key] === 'string')
  );
}

function isRecord(value: unknown): value is Record<string, Json | undefined> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.trim() !== '';
}
