import { quoteName, quoteText } from '../model/quote.js';
import type { TableNames } from '../model/tables.js';
import { DECLARATIONS, insertDelta, readOwnDeltas, SETTINGS, setting } from './history.sql.js';
import { mendBirth, mendFlushed } from './mend.sql.js';
import { isOwn } from './own-row.sql.js';
import { namesByType, type TriggeredTable } from './triggered-table.js';

/** What the functions need to know of the options. */
export interface TriggerOptions {
  readonly tables: TableNames;
  readonly keyframeEvery: number;
  readonly maskWith: string;
}

/**
 * The body of the function that looks at a row which was written, when its transaction commits. It compares what the row
 * was before the transaction with what it is now, takes off what the transaction has recorded of it, and records the
 * rest. So it does not matter who wrote the row, how often, and in what order with a flush.
 *
 * A row is looked at under the key that it had, when the first of its changes comes up, and under a key that it got.
 */
export function rowFunction(table: TriggeredTable, options: TriggerOptions): string {
  const { tables } = options;
  return `
declare${DECLARATIONS}
  v_old_type text;
  v_old_id text;
  v_start jsonb;
  v_expected jsonb;
  v_now jsonb;
  v_was jsonb;
  v_before jsonb;
  v_after jsonb;
  v_action text;
  v_masked text[];
begin
  if ${setting('tracking')} = 'off' then return null; end if;
  foreach v_existed in array array[true, false] loop
${identify(table)}
    v_masked := ${namesByType(table, 'v_type', one => one.masked.keys())};
${readOwnDeltas(tables)}
    if v_existed then
${rememberOld()}
    else
      -- a row that was there before is looked at where it was deleted or changed
      continue when v_prior_action <> 'delete' or v_own -> 0 @> '{"action": "update", "is_empty": true}'
        or ${setting('ownObjects')}::jsonb ? jsonb_build_array(v_type, v_id)::text;
${mendBirth(tables, maskedSql('v_now', options.maskWith), links(table))}
    end if;
${mendFlushed(tables, maskedSql('v_start', options.maskWith), links(table))}
${compare(table)}
    ${insertDelta(tables, deltaOf(table, options))}
  end loop;
  return null;
end`;
}

function identify({ type, objectId, state, name, keyColumns }: TriggeredTable): string {
  const isSameKey = keyColumns.map(key => {
    const column = quoteName(key);
    return `t0.${column} = case when v_existed then old.${column} else new.${column} end`;
  });
  return `
    if v_existed then
      continue when tg_op = 'INSERT';
      select ${type}, ${objectId}, ${state} into v_old_type, v_old_id, v_start from (select old.*) t0;
      v_type := v_old_type;
      v_id := v_old_id;
      continue when v_type is null or ${isOwn('old.xmin')};
    else
      continue when tg_op = 'DELETE';
      select ${type}, ${objectId} into v_type, v_id from (select new.*) t0;
      continue when v_type is null or (tg_op = 'UPDATE' and v_type is not distinct from v_old_type and v_id = v_old_id);
      v_start := null;
    end if;
    v_now := null;
    select ${state} into v_now from ${name} t0 where ${isSameKey.join(' and ')} and (${type}) = v_type;`;
}

/** Where nothing else will tell that the row was there before: it is deleted, made again, and flushed. */
function rememberOld(): string {
  return `
      if tg_op <> 'UPDATE' and v_now is not null and v_prior_action is null and v_own -> 0 is not null then
        perform set_config('${SETTINGS.ownObjects}', (coalesce(${setting('ownObjects')}, '{}')::jsonb
          || jsonb_build_object(jsonb_build_array(v_type, v_id)::text, true))::text, true);
      end if;`;
}

function links(table: TriggeredTable): string {
  return namesByType(table, 'v_type', ({ collections }) => collections.keys());
}

function compare(table: TriggeredTable): string {
  const names = links(table);
  return `
    v_expected := v_start;
    for v_before in select value from jsonb_array_elements(v_own) loop
      v_expected := case v_before ->> 'action' when 'delete' then null when 'create' then (v_before -> 'new') - ${names}
                    else v_expected || ((v_before -> 'new') - ${names}) end;
    end loop;
    -- of a masked value that was recorded, the history does not know more than that
    select v_expected || coalesce(jsonb_object_agg(m.name, v_now -> m.name), '{}') into v_expected
    from unnest(v_masked) m(name)
    where v_expected -> m.name <> 'null' and v_now -> m.name <> 'null'
      and exists (select from jsonb_array_elements(v_own) o(delta) where o.delta -> 'new' ? m.name);
    continue when v_expected is null and v_now is null;
    if v_expected is null or v_now is null then
      v_action := case when v_now is null then 'delete' else 'create' end;
      v_before := v_expected;
      v_after := v_now;
    else
      v_action := 'update';
      select jsonb_object_agg(n.key, coalesce(v_expected -> n.key, 'null')), jsonb_object_agg(n.key, n.value)
      into v_before, v_after
      from jsonb_each(v_now) n where coalesce(v_expected -> n.key, 'null') <> n.value;
      if v_after is null then
        -- deleted and made again as it was: without a history, its end would leave only the new beginning
        continue when tg_op <> 'DELETE' or v_version is not null;
        v_before := '{}';
        v_after := '{}';
      end if;
    end if;`;
}

function deltaOf(table: TriggeredTable, { keyframeEvery, maskWith }: TriggerOptions) {
  const noKeyframe = namesByType(table, 'v_type', one => one.noKeyframe);
  const isDue = `(v_version % ${keyframeEvery} = 0 or (v_version is null and v_after = '{}'))`;
  return {
    action: 'v_action',
    before: maskedSql('v_before', maskWith),
    after: maskedSql('v_after', maskWith),
    state: `case when v_action = 'update' and ${isDue} then v_now - ${noKeyframe} end`,
  };
}

/** That a secret is absent is no secret. */
function maskedSql(values: string, maskWith: string): string {
  const mask = `to_jsonb(${quoteText(maskWith)}::text)`;
  return `case when v_masked = '{}' or ${values} is null then ${values} else coalesce((
              select jsonb_object_agg(e.key, case when e.key = any(v_masked) and e.value <> 'null' then ${mask} else e.value end)
              from jsonb_each(${values}) e), '{}') end`;
}
