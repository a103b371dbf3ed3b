import { quoted, type TableNames } from '../model/tables.js';
import { takeBack } from './history.sql.js';

/**
 * A flush knows the row as it found it, which others may have changed earlier in the transaction: what it has recorded
 * begins with that. The old values become those from before the transaction, a creation in place of a row that was
 * deleted becomes an update, and what came to nothing goes.
 *
 * @param start SQL text of what the row was, with masks in place
 * @param links SQL text of the names of collections
 */
export function mendFlushed(tables: TableNames, start: string, links: string): string {
  const delta = quoted(tables, 'objectDelta');
  return `
    if v_existed and v_own -> 0 is not null then
      v_action := v_own -> 0 ->> 'action';
      v_delta := (v_own -> 0 ->> 'id')::bigint;
      v_before := v_own -> 0 -> 'old';
      v_after := v_own -> 0 -> 'new';
      v_was := ${start};
      if v_action = 'delete' then
        v_before := v_before || v_was;
        v_after := null;
      elsif v_action = 'create' then
        select coalesce(jsonb_object_agg(s.key, s.value), '{}'),
               coalesce(jsonb_object_agg(s.key, coalesce(v_after -> s.key, 'null')), '{}')
               || (select coalesce(jsonb_object_agg(a.key, a.value), '{}') from jsonb_each(v_after) a where a.key = any(${links}))
        into v_before, v_after
        from jsonb_each(v_was) s
        where coalesce(v_after -> s.key, 'null') <> s.value or (s.key = any(v_masked) and s.value <> 'null');
      else
        select coalesce(jsonb_object_agg(o.key, coalesce(case when o.key <> all(${links}) then v_was -> o.key end, o.value)), '{}')
        into v_before from jsonb_each(v_before) o;
        select v_before - coalesce(array_agg(n.key), '{}'), v_after - coalesce(array_agg(n.key), '{}')
        into v_before, v_after
        from jsonb_each(v_own -> 0 -> 'new') n where v_before -> n.key = n.value and n.key <> all(v_masked);
      end if;
      if v_action <> 'delete' and v_after = '{}' and v_own -> 0 -> 'new' <> '{}' then${takeBack(tables)}
      elsif v_action = 'create' or v_before is distinct from v_own -> 0 -> 'old' then
        update ${delta} d set action = case v_action when 'create' then 'update' else v_action end,
                              old_values = v_before, new_values = v_after where d.id = v_delta;
      end if;
    end if;`;
}

/** A row that others have made, and that the flush has changed or deleted after that. */
export function mendBirth(tables: TableNames, now: string, links: string): string {
  return `
      if v_own -> 0 ->> 'action' <> 'create' then
        v_delta := (v_own -> 0 ->> 'id')::bigint;
        if v_now is null then${takeBack(tables)}
        else
          update ${quoted(tables, 'objectDelta')} d set action = 'create', old_values = null, state = null, new_values = ${now}
            || (select coalesce(jsonb_object_agg(a.key, a.value), '{}')
                from jsonb_each(v_own -> 0 -> 'new') a where a.key = any(${links}))
          where d.id = v_delta;
        end if;
        continue;
      end if;`;
}
