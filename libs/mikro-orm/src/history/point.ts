import { Revision } from '../model/revision.entity.js';
import { UnusablePointError } from './point.errors.js';

/**
 * Where in history: a date (the last state at or before it), a revision (as it left things), or just before or after
 * a revision.
 */
export type Point =
  | Date
  | Revision
  | { readonly revision: number }
  | { readonly before: number | Revision }
  | { readonly after: number | Revision };

/** A point in the life of one object: also one of its versions, counted from 1. */
export type ObjectPoint = Point | { readonly version: number };

/** A point as a condition on a delta `d` and its revision `r`, true for every delta up to the point. */
export interface PointCondition {
  readonly kind: 'latest' | 'date' | 'revision' | 'version';
  /** SQL; the value is the third parameter. */
  readonly test: string;
  readonly value: string | number | null;
  /** Of a revision: whether it lies before the point. */
  readonly includes?: boolean;
}

/** @throws {UnusablePointError} if it is none of the forms of a point */
export function pointCondition(point: ObjectPoint | undefined): PointCondition {
  if (point === undefined) return { kind: 'latest', test: '$3::text is null', value: null };
  if (point instanceof Date && !Number.isNaN(point.getTime())) {
    // JavaScript's clock stops at milliseconds: the date that a revision shows has to lead back to it
    const test = `date_trunc('milliseconds', r.recorded_at) <= $3::timestamptz`;
    return { kind: 'date', test, value: point.toISOString() };
  }
  if (point instanceof Revision) return upTo('<=', point.id, point);
  if (typeof point === 'object' && point !== null) {
    if ('revision' in point) return upTo('<=', point.revision, point);
    if ('after' in point) return upTo('<=', idOf(point.after), point);
    if ('before' in point) return upTo('<', idOf(point.before), point);
    if ('version' in point && isCount(point.version)) {
      return { kind: 'version', test: 'd.version <= $3::bigint', value: point.version };
    }
  }
  throw new UnusablePointError(point);
}

/** Whether something that a revision did lies at or before a point; without a point, everything does. */
export function isUpTo(
  point: Point | undefined,
  did: { readonly revision: number; readonly recordedAt: Date },
): boolean {
  if (point === undefined) return true;
  if (point instanceof Date) return did.recordedAt <= point;
  if (point instanceof Revision) return did.revision <= point.id;
  if ('before' in point) return did.revision < idOf(point.before);
  return did.revision <= ('after' in point ? idOf(point.after) : point.revision);
}

function upTo(operator: '<=' | '<', revision: number, point: ObjectPoint): PointCondition {
  if (!isCount(revision)) throw new UnusablePointError(point);
  return {
    kind: 'revision',
    test: `d.revision_id ${operator} $3::bigint`,
    value: revision,
    includes: operator === '<=',
  };
}

function idOf(revision: number | Revision): number {
  return revision instanceof Revision ? revision.id : revision;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
