import type { ResolvedValues } from '../context/frame-values.js';
import { UnserialisableMetadataError } from '../revy.errors.js';
import { coalesce } from '../delta/coalesce.js';
import type { Draft } from '../delta/draft.js';
import type { Revision } from '../model/revision.entity.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import { storedActor } from '../tracking/stored-actor.js';
import { DeltaEncoder } from './stored-delta.js';

/** The parameters of the write statement, in its order. */
export type HistoryDocument = readonly [
  revision: number | null,
  description: string | null,
  actorType: string | null,
  actorId: string | null,
  metadata: string | null,
  reverts: number | null,
  deltas: string,
  /** Of columns that an application has added to the revision. */
  columns?: string,
];

/**
 * What to write for a transaction, into a revision of its own; nothing if its changes cancel out.
 *
 * @param given the context's own revision object, whose values win over the context's
 */
export function historyDocument(
  drafts: readonly Draft[],
  values: ResolvedValues,
  given: Revision | undefined,
  entities: TrackedEntities,
): HistoryDocument | undefined {
  const merged = drafts.length > 1 ? coalesce(drafts) : drafts;
  if (merged.length === 0) return undefined;
  const encoder = new DeltaEncoder(entities, entities.options.maskWith);
  const actor = storedActor(values.actor, entities);
  return [
    null,
    given?.description ?? values.revisionDescription ?? null,
    given?.actorType ?? actor.actorType,
    given?.actorType ? (given.actorId ?? null) : actor.actorId,
    metadataText({ ...values.metadata, ...given?.metadata }),
    given?.reverts ?? null,
    JSON.stringify(encoder.encode(merged)),
  ];
}

/** The same, written into a revision that is there already. */
export function inRevision([, ...rest]: HistoryDocument, revision: number | undefined): HistoryDocument {
  return [revision ?? null, ...rest];
}

function metadataText(metadata: Record<string, unknown>): string | null {
  if (Object.keys(metadata).length === 0) return null;
  try {
    return JSON.stringify(metadata);
  } catch (cause) {
    throw new UnserialisableMetadataError(cause);
  }
}
