import { quoteText } from '../model/quote.js';
import { quoted, type TableNames } from '../model/tables.js';
import { isOwn } from './own-row.sql.js';

/** Names of the settings by which a session talks to the triggers; those with `own` are the triggers' memory. */
export const SETTINGS = {
  /** Who writes and why, as a JSON object; see `docs/triggers.md`. */
  context: 'revy.context',
  /** `off`: what the transaction writes is not to be recorded. */
  tracking: 'revy.tracking',
  ownRevision: 'revy.trigger_revision',
  ownFirstDelta: 'revy.trigger_first_delta',
  ownLinks: 'revy.trigger_links',
  ownObjects: 'revy.trigger_objects',
} as const;

export function setting(name: keyof typeof SETTINGS): string {
  return `nullif(current_setting('${SETTINGS[name]}', true), '')`;
}

/** Longer chains of deltas of one object in one transaction are not made. */
const MOST_OWN_DELTAS = 16;

/** What both functions know when they begin. */
export const DECLARATIONS = `
  v_this constant bigint := pg_current_xact_id()::text::bigint;
  v_says constant jsonb := ${setting('context')}::jsonb;
  v_existed boolean;
  v_type text;
  v_id text;
  v_own jsonb;
  v_version int;
  v_prior_action text;
  v_revision bigint;
  v_delta bigint;`;

/** All that this transaction has recorded of the object `v_type`, `v_id`, in order, and what was last before it. */
export function readOwnDeltas(tables: TableNames): string {
  return `
    select coalesce(jsonb_agg(jsonb_build_object('id', d.id, 'action', d.action, 'old', coalesce(d.old_values, '{}'),
                                                 'new', coalesce(d.new_values, '{}'),
                                                 'is_empty', d.new_values = '{}')
                              order by d.id) filter (where d.is_own), '[]'),
           max(d.version), (array_agg(d.action order by d.id desc) filter (where not d.is_own))[1]
    into v_own, v_version, v_prior_action
    from (
      select o.id, o.action, o.version, o.old_values, o.new_values, ${isOwn('o.xmin')} as is_own
      from ${quoted(tables, 'objectDelta')} o where o.object_type = v_type and o.object_id = v_id
      order by o.id desc limit ${MOST_OWN_DELTAS}
    ) d;`;
}

/** The transaction's revision: the one that the flush has made, or one of the triggers' own. */
function findRevision(tables: TableNames): string {
  const revision = quoted(tables, 'revision');
  return `
    v_revision := ${setting('ownRevision')}::bigint;
    if v_revision is null then
      begin
        v_revision := currval(pg_get_serial_sequence(${quoteText(revision)}, 'id'));
      exception when object_not_in_prerequisite_state then
        null; -- this session has not made any yet
      end;
      if not exists (select from ${revision} r where r.id = v_revision and ${isOwn('r.xmin')}) then
        insert into ${revision} (description, actor_type, actor_id, metadata, transaction_id)
        values (v_says ->> 'description', v_says ->> 'actor_type', v_says ->> 'actor_id', v_says -> 'metadata', v_this)
        returning id into v_revision;
      end if;
      perform set_config('${SETTINGS.ownRevision}', v_revision::text, true);
    end if;`;
}

/** What the flush has recorded came to nothing. */
export function takeBack(tables: TableNames): string {
  const delta = quoted(tables, 'objectDelta');
  return `
        delete from ${delta} d where d.id = v_delta returning d.revision_id into v_revision;
        update ${delta} d set version = d.version - 1
        where d.object_type = v_type and d.object_id = v_id and d.id > v_delta;
        delete from ${quoted(tables, 'revision')} r
        where r.id = v_revision and not exists (select from ${delta} d where d.revision_id = v_revision);
        perform set_config('${SETTINGS.ownRevision}', '', true);
        v_version := nullif(v_version - 1, 0);`;
}

/** Records a delta of the object `v_type`, `v_id`; the rest of it as SQL text. */
export function insertDelta(
  tables: TableNames,
  delta: Readonly<Record<'action' | 'before' | 'after' | 'state', string>>,
): string {
  return `${findRevision(tables)}
    insert into ${quoted(tables, 'objectDelta')} (revision_id, action, object_type, object_id, version, actor_type, actor_id,
                                    description, old_values, new_values, state)
    values (v_revision, ${delta.action}, v_type, v_id, coalesce(v_version, 0) + 1, v_says ->> 'actor_type',
            v_says ->> 'actor_id', v_says ->> 'object_description', ${delta.before}, ${delta.after}, ${delta.state})
    returning id into v_delta;
    if ${setting('ownFirstDelta')} is null then
      perform set_config('${SETTINGS.ownFirstDelta}', v_delta::text, true);
    end if;`;
}
