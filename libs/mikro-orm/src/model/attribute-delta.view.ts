import { quoted, type TableNames } from './tables.js';

/**
 * One row for each attribute of each object delta; more than one where several actors changed it in one revision.
 * What a create left null, or a delete found null, is not a change and has no row.
 *
 * Written the way that PostgreSQL prints it back (column lists of functions included): MikroORM 7.2 compares the two
 * texts after a light normalisation, and would otherwise recreate the view with every schema update.
 */
export function attributeDeltaView(tables: TableNames): string {
  return `
select d.id as object_delta_id,
       a.attribute,
       coalesce(step.position, 1)::int as position,
       d.revision_id,
       r.recorded_at,
       d.object_type,
       d.object_id,
       case when coalesce(step.new_value, a.new_value, 'null'::jsonb) = 'null'::jsonb then 'unset' else 'set' end as action,
       coalesce(step.old_value, a.old_value) as old_value,
       coalesce(step.new_value, a.new_value) as new_value,
       d.action = 'create' or step.old_value is not null or a.old_value is not null as is_old_value_known,
       case when step.position is null then d.actor_type else step.actor_type end as actor_type,
       case when step.position is null then d.actor_id else step.actor_id end as actor_id,
       case when step.position is null then d.description else step.description end as description
from ${quoted(tables, 'objectDelta')} d
join ${quoted(tables, 'revision')} r on r.id = d.revision_id
cross join lateral (
  select coalesce(n.key, o.key) as attribute, n.value as new_value, o.value as old_value
  from jsonb_each(coalesce(d.new_values, '{}'::jsonb)) n(key, value)
  full join jsonb_each(coalesce(d.old_values, '{}'::jsonb)) o(key, value) on o.key = n.key
) a
left join lateral (
  select s.position,
         lag(s.step -> 'value') over (order by s.position) as old_value,
         s.step -> 'value' as new_value,
         s.step ->> 'actorType' as actor_type,
         s.step ->> 'actorId' as actor_id,
         s.step ->> 'description' as description
  from jsonb_array_elements(d.attributions -> a.attribute) with ordinality s(step, position)
) step on true
where d.action = 'update' or coalesce(a.new_value, a.old_value) <> 'null'::jsonb`.trim();
}
