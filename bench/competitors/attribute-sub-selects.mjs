// Revy for Django's tables and its way to rebuild: for each attribute the newest delta at the point, by a sub-select.

export const attributeRows = `
  create table peer_object_delta as select id, revision_id, object_type, object_id from revy_object_delta;
  alter table peer_object_delta add primary key (id);
  create index on peer_object_delta (object_type, object_id, id);
  create table peer_attribute_delta as
    select row_number() over (order by d.id, n.key) as id, d.id as object_delta_id, n.key as attribute, n.value #>> '{}' as new_value
    from revy_object_delta d, jsonb_each(d.new_values) n;
  alter table peer_attribute_delta add primary key (id);
  create index on peer_attribute_delta (object_delta_id);
  analyze peer_object_delta, peer_attribute_delta`;

/** What an attribute was when a revision had been made. `key` is SQL for the key as text. */
export function subSelect({ type, key, attribute, revision }) {
  return `(select a.new_value from peer_attribute_delta a join peer_object_delta d on d.id = a.object_delta_id
    where d.object_type = '${type}' and d.object_id = ${key} and a.attribute = '${attribute}' and d.revision_id <= ${revision}
    order by d.id desc limit 1)`;
}
