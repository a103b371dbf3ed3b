import type { EntityManager, Transaction } from '@mikro-orm/core';
import type { ResolvedValues } from '../context/frame-values.js';
import type { HistoryClasses } from '../model/history-classes.js';
import type { ObjectDelta } from '../model/object-delta.entity.js';
import type { Revision } from '../model/revision.entity.js';
import type { HookContext, RowAdditions } from '../model/row-hook.js';
import type { HistoryDocument } from './history-document.js';
import type { DeltaDocument, DeltaHead, DeltaRow } from './stored-delta.js';
import { RowHookError } from './row-hook.errors.js';

/** Where the rows are written. */
export interface RowPlace {
  readonly em: EntityManager;
  readonly transaction: Transaction;
  readonly values: ResolvedValues;
  /** The context's own revision object. */
  readonly given: Revision | undefined;
  /** Whether the revision is there already, so that nothing more can be said of it. */
  readonly isWritten: boolean;
}

/** The same document with what the application adds; its last element are the columns of the revision. */
export async function withAdditions(
  document: HistoryDocument,
  additions: RowAdditions,
  place: RowPlace,
): Promise<HistoryDocument> {
  const context = contextOf(place);
  const filled = place.isWritten ? document : await filledRevision(document, additions, place.given, context);
  const [id, description, actorType, actorId, metadata, reverts, deltas, columns = '{}'] = filled;
  const filledRows = await filledDeltas(deltas, additions, context);
  return [id, description, actorType, actorId, metadata, reverts, filledRows, columns];
}

export function contextOf({ em, transaction, values }: Pick<RowPlace, 'em' | 'transaction' | 'values'>): HookContext {
  const fork = em.fork({ clear: true });
  fork.setTransactionContext(transaction);
  return { em: fork, values };
}

/** The fields of a revision as its hook leaves them, and its own columns. */
export async function filledRevision(
  [id, description, actorType, actorId, metadata, reverts, deltas]: HistoryDocument,
  { classes, columns, onRevision }: RowAdditions,
  given: Revision | undefined,
  context: HookContext,
): Promise<HistoryDocument> {
  const revision = given instanceof classes.Revision ? given : new classes.Revision();
  const known = metadata === null ? null : (JSON.parse(metadata) as Record<string, unknown>);
  Object.assign(revision, { description, actorType, actorId, metadata: known, reverts });
  await called('onRevision', () => onRevision?.(revision, context));
  const said =
    revision.metadata && Object.keys(revision.metadata).length > 0 ? JSON.stringify(revision.metadata) : null;
  const added = JSON.stringify(columns.revision.valuesOf(context.em, revision));
  return [id, revision.description, actorType, actorId, said, reverts, deltas, added];
}

async function filledDeltas(text: string, additions: RowAdditions, context: HookContext): Promise<string> {
  const { onObjectDelta } = additions;
  if (!onObjectDelta) return text;
  const { heads, rows } = JSON.parse(text) as DeltaDocument;
  const filled: DeltaRow[] = [];
  for (const row of rows) {
    const delta = deltaOf(heads[row[0]]!, row, additions.classes);
    await called('onObjectDelta', () => onObjectDelta(delta, context));
    filled.push([row[0], row[1], row[2], row[3], row[4], additions.columns.objectDelta.valuesOf(context.em, delta)]);
  }
  return JSON.stringify({ heads, rows: filled });
}

function deltaOf(head: DeltaHead, row: DeltaRow, classes: HistoryClasses): ObjectDelta {
  const [objectType, action, actorType, actorId, description] = head;
  const [, objectId, oldValues, newValues, attributions = null] = row;
  const values = { objectType, objectId, action, actorType, actorId, description, oldValues, newValues, attributions };
  return Object.assign(new classes.ObjectDelta(), values);
}

async function called(hook: 'onRevision' | 'onObjectDelta', call: () => void | Promise<void>): Promise<void> {
  try {
    await call();
  } catch (cause) {
    throw new RowHookError(hook, cause);
  }
}
