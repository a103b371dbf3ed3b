import { type Statement, unnamed } from '../database/statement.js';
import type { AddedColumns } from '../model/history-tables.js';
import { quoted, type TableNames } from '../model/tables.js';
import { addedTo } from '../write/write-statement.js';
import type { BaselineSource, StoredColumns } from './baseline-source.js';

/**
 * The keys of the next rows, as text, and a lock that keeps them from being changed until their baseline is committed:
 * a change that came in between would be recorded before it. Rows that have a history are passed over where SQL can
 * tell, so that a run which goes on after another soon is where that one was. Parameters: the type, how many rows, and
 * the last key before them.
 *
 * Does not wait for rows that others are writing unless it is asked for one row: whoever holds many while waiting for
 * one can be waited for.
 */
export function lockStatement(
  tables: TableNames,
  source: BaselineSource,
  { isFirst, waits }: { isFirst: boolean; waits: boolean },
): Statement {
  const keys = source.keyColumns;
  const after = keys.map((_, index) => `$${index + 3}`).join(', ');
  const isNew = source.objectId === undefined ? '$1::text is not null' : hasNoHistory(tables, source.objectId);
  return unnamed(`
select ${keys.map((key, index) => `${key}::text as k${index}`).join(', ')}
from ${source.from}
where ${source.isOfClass} and ${isNew}${isFirst ? '' : ` and (${keys.join(', ')}) > (${after})`}
order by ${keys.join(', ')} limit $2::int
for share of ${source.aliases.join(', ')}${waits ? '' : ' nowait'}`);
}

/** How the parameters of a baseline statement begin. */
export const BASELINE_PARAMETERS = 8;

/**
 * Records what rows are as baselines, but for those of objects that have a history; parameters: type, revision
 * description, actor type, actor id, metadata, description, mask, columns that an application has added to the
 * revision; then the first and the last key.
 */
export function baselineStatement(
  tables: TableNames,
  source: BaselineSource,
  stored: StoredColumns,
  extra: AddedColumns | undefined,
): Statement {
  const keys = source.keyColumns.join(', ');
  const from = BASELINE_PARAMETERS + 1;
  const parameters = (start: number) => source.keyColumns.map((_, index) => `$${start + index}`).join(', ');
  return recordStatement(
    tables,
    extra,
    `select ${stored.objectId} as object_id, ${stored.state} as state from ${source.from}
     where ${source.isOfClass} and (${keys}) >= (${parameters(from)})
       and (${keys}) <= (${parameters(from + source.keyColumns.length)})`,
  );
}

/** The same of rows that were read before: the last parameter is a JSON array of `[object id, state]`. */
export function baselineOfRowsStatement(tables: TableNames, extra: AddedColumns | undefined): Statement {
  return recordStatement(
    tables,
    extra,
    `select e.row ->> 0 as object_id, e.row -> 1 as state
     from jsonb_array_elements($${BASELINE_PARAMETERS + 1}::jsonb) e(row)`,
  );
}

/** What a baseline statement returns. */
export interface BaselineRow {
  /** `null` if there was nothing to record. */
  readonly revision: string | null;
  readonly recorded: number;
}

/**
 * Asked row by row: as an anti-join it could read the whole history for each chunk. Of a `case`, PostgreSQL expects half
 * of the rows; of a plain `is null` next to none, for which it would compile the statement at each chunk (64 ms).
 */
function hasNoHistory(tables: TableNames, objectId: string): string {
  const delta = quoted(tables, 'objectDelta');
  const first = `select d.id from ${delta} d where d.object_type = $1::text and d.object_id = ${objectId} limit 1`;
  return `case when (${first}) is null then true else false end`;
}

/**
 * A baseline is the first delta of an object, changes nothing, and has the full state as its keyframe. All rows are
 * asked for a history before the first is written (`count`), or each would walk through what was written for those
 * before it.
 *
 * Not prepared by name: a plan that was made while the history was empty would read all of it for each row.
 */
function recordStatement(tables: TableNames, extra: AddedColumns | undefined, rows: string): Statement {
  const delta = quoted(tables, 'objectDelta');
  const added = addedTo(quoted(tables, 'revision'), extra?.revision.columns, '$8::jsonb');
  return unnamed(`
with rows as materialized (${rows}), fresh as materialized (
  select rows.object_id, rows.state from rows
  where ${hasNoHistory(tables, 'rows.object_id')} and $7::text is not null
), made as (
  insert into ${quoted(tables, 'revision')} (description, actor_type, actor_id, metadata, transaction_id${added.names})
  select $2::text, $3::text, $4::text, $5::jsonb, pg_current_xact_id()::text::bigint${added.values}
  ${added.from('from (select) one')} where (select count(*) from fresh) > 0 and $8::text is not null
  returning id
), written as (
  insert into ${delta} (revision_id, action, object_type, object_id, version, actor_type, actor_id, description,
                        old_values, new_values, state)
  select made.id, 'update', $1::text, fresh.object_id, 1, $3::text, $4::text, $6::text, '{}', '{}', fresh.state
  from fresh cross join made
  returning id
)
select (select id from made) as revision, (select count(*) from written)::int as recorded`);
}
