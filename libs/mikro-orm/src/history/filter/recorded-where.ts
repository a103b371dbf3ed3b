import type { ObjectQuery } from '@mikro-orm/core';
import type { Revision } from '../../model/revision.entity.js';
import type { HistoryFilter } from './history-filter.js';
import { asFilter, sql } from './sql.js';

/** Conditions on a revision's time and metadata, which its deltas are found by as well. */
export function recordedWhere({ since, until, metadata }: HistoryFilter): ObjectQuery<Revision>[] {
  const recordedAt = { ...(since && { $gte: since }), ...(until && { $lte: endOf(until) }) };
  return [
    ...(since || until ? [{ recordedAt } as ObjectQuery<Revision>] : []),
    ...(metadata ? [asFilter<Revision>(table => sql`${table}.metadata @> ${JSON.stringify(metadata)}::jsonb`)] : []),
  ];
}

/** Dates of JavaScript stop at milliseconds, and what they show as the same time is the same. */
function endOf(until: Date): string {
  return until.toISOString().replace('Z', '999Z');
}
