import type { EntityManager } from '@mikro-orm/core';
import type { PointCondition } from '../history/point.js';
import { queryPrimary } from '../history/query.js';
import type { Target } from '../history/target.js';
import type { ObjectAction } from '../model/action.js';
import type { JsonRecord } from '../model/json.js';
import { PointBeforeHistoryError } from '../history/point.errors.js';
import { runtimeOf } from '../runtime.js';
import { decodeState, isMissing, type KnownState } from './known-state.js';
import { type LaterValues, laterValuesStatement } from './later-values.query.js';
import { readLiveRows } from '../live/live-rows.js';

/** What the deltas up to a point say of one object. */
export interface FoundState {
  readonly target: Target;
  /** The last of them; `null` if there are none. */
  readonly delta: string | null;
  readonly version: number;
  readonly action: ObjectAction | null;
  readonly revision: number | null;
  /** What the first delta of all did, where none lies before the point. */
  readonly firstAction: ObjectAction | null;
  readonly isLast: boolean;
  /** By present names. */
  readonly values: JsonRecord;
}

/** One object as it was at a point, as far as anybody knows. */
export interface ObjectState extends Target {
  readonly version: number;
  readonly revision: number | null;
  readonly isDeleted: boolean;
  readonly isLive: boolean;
  /** Stored values, masks included, by present names. */
  readonly values: JsonRecord;
  readonly known: KnownState;
}

interface AskedPoint {
  readonly condition: PointCondition;
  /** When the first revision of all was recorded. */
  readonly since: string | null;
}

/**
 * Adds what other sources than an object's own earlier deltas know of it, and leaves out what did not exist.
 *
 * Costs nothing where the deltas tell all; else one SELECT for what later deltas replaced, and before it one for the
 * live rows of each class: a change that is recorded in between is then seen in the later deltas.
 */
export async function completeStates(
  em: EntityManager,
  found: readonly FoundState[],
  point: AskedPoint,
): Promise<Map<string, ObjectState>> {
  const existing = found.filter(one => one.delta !== null || one.firstAction !== 'create');
  const decoded = existing.map(one => ({ one, state: stateOf(one, one.values) }));
  const incomplete = decoded.filter(({ one, state }) => isIncomplete(one, state)).map(({ one }) => one);
  const earlier = await earlierValues(em, incomplete);
  const states = new Map<string, ObjectState>();
  for (const { one, state } of decoded) {
    const more = earlier.get(one);
    if (one.delta === null && !more) continue;
    if (one.delta === null) refuseBeforeHistory(one.target, point);
    states.set(one.target.objectId, more ? stateOf(one, { ...more, ...one.values }) : state);
  }
  return states;
}

function stateOf(found: FoundState, values: JsonRecord): ObjectState {
  const { target, version, revision, action, isLast } = found;
  const isDeleted = action === 'delete';
  const known = decodeState(target.tracked, values);
  return { ...target, version, revision, isDeleted, isLive: isLast && !isDeleted, values, known };
}

function isIncomplete({ delta, action }: FoundState, { known }: ObjectState): boolean {
  return delta === null || (action !== 'delete' && [...known.unknown.values()].some(isMissing));
}

/** Values that objects had before their history began: what later deltas say they replaced, else the live row's. */
async function earlierValues(
  em: EntityManager,
  incomplete: readonly FoundState[],
): Promise<Map<FoundState, JsonRecord>> {
  const earlier = new Map<FoundState, JsonRecord>();
  if (incomplete.length === 0) return earlier;
  const live = await liveRows(em, incomplete);
  const types = incomplete.map(({ target }) => target.type);
  const ids = incomplete.map(({ target }) => target.objectId);
  const after = incomplete.map(({ delta }) => delta ?? 0);
  const later = await queryPrimary<LaterValues>(em, laterValuesStatement(runtimeOf(em).tables), [types, ids, after]);
  for (const [index, one] of incomplete.entries()) {
    const { is_created, is_replaced_later, values } = later[index]!;
    const row = is_replaced_later ? undefined : live.get(one);
    if (is_created || !(values || row)) continue;
    earlier.set(one, { ...row, ...one.target.tracked.names.toPresent(values ?? {}, 'oldest') });
  }
  return earlier;
}

async function liveRows(em: EntityManager, found: readonly FoundState[]): Promise<Map<FoundState, JsonRecord>> {
  const live = new Map<FoundState, JsonRecord>();
  for (const tracked of new Set(found.map(({ target }) => target.tracked))) {
    const ofClass = found.filter(({ target }) => target.tracked === tracked);
    const ids = ofClass.map(({ target }) => target.objectId);
    const rows = await readLiveRows(em, tracked, ids);
    for (const one of ofClass) {
      const row = rows.get(one.target.objectId);
      if (row) live.set(one, row);
    }
  }
  return live;
}

function refuseBeforeHistory({ tracked, objectId }: Target, { condition, since }: AskedPoint): void {
  const began = since === null ? new Date() : new Date(since);
  if (tracked.isTracked && condition.kind === 'date' && new Date(condition.value!) < began) {
    throw new PointBeforeHistoryError(tracked.meta.className, objectId, began);
  }
}
