import { type CompiledQuery, compiledQuery } from '../database/statement.js';
import type { PointBounds } from './history-at.js';
import { pastQuery, type PastScope, renderAt } from './past-query.js';
import type { PastReading } from './past-transaction.js';
import type { PreparedQueries } from './prepared-queries.js';
import { queryShape } from './query-shape.js';

/** How the statements of one call of `snapshots.asOf()` are made to read the past. */
export interface ReadingOptions extends PastScope {
  readonly bounds: PointBounds;
  /** None where the connection does not take named statements. */
  readonly prepared: PreparedQueries | undefined;
}

export function pastReading(options: ReadingOptions): PastReading {
  const { untracked, schema, calm } = options;
  const scope = JSON.stringify([untracked, schema, Array.from(calm, table => [table.schema, table.table])]);
  const pastText = (query: CompiledQuery) => {
    const past = pastQuery(query.sql, options);
    return past ? compiledQuery(renderAt(past, options.bounds), query.parameters) : query;
  };
  return { hasEnded: false, pastText, past: query => preparedQuery(query, scope, options) ?? pastText(query) };
}

/** The point is a parameter like the others, so that all points share a plan; unless it is a point with exceptions. */
function preparedQuery(
  { sql, parameters }: CompiledQuery,
  scope: string,
  options: ReadingOptions,
): CompiledQuery | undefined {
  const { bounds, prepared } = options;
  if (!prepared || bounds.early.length + bounds.late.length > 0) return undefined;
  const shape = queryShape(sql, parameters.length);
  const taken = parameters.length + shape.values.length;
  const asParameters = { cut: `$${taken + 1}::bigint`, nearby: `$${taken + 2}::bigint`, early: [], late: [] };
  const named = prepared.find(`${scope}${shape.text}`, () => {
    const past = pastQuery(shape.text, options);
    return past && past.before === '' ? allNamed(renderAt(past, asParameters), asParameters) : undefined;
  });
  return named && compiledQuery(named, [...parameters, ...shape.values, bounds.cut, bounds.nearby]);
}

/** A parameter that nothing names is none to PostgreSQL; not everything asks for both. */
function allNamed(text: string, { cut, nearby }: PointBounds): string {
  return text.replace(/^with /, `with revy_point as (select ${cut}, ${nearby}), `);
}
