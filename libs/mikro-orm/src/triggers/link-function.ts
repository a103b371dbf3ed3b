import type { EntityMetadata, EntityProperty, MetadataStorage } from '@mikro-orm/core';
import { quoteName, quoteText } from '../model/quote.js';
import { keyColumns } from '../model/stored-key.js';
import { objectIdSql, targetKeySql } from '../model/stored-sql.js';
import { quoted, type TableNames } from '../model/tables.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { DECLARATIONS, insertDelta, readOwnDeltas, SETTINGS, setting, takeBack } from './history.sql.js';
import { isOwn } from './own-row.sql.js';
import type { TriggerOptions } from './row-function.js';
import { tableName, type TriggeredTable } from './triggered-table.js';
import { UntriggerableError } from './triggers.errors.js';

/** A table of links, which are recorded with the object at one end of them. */
export interface LinkTable {
  readonly meta: EntityMetadata;
  readonly name: string;
  readonly keyColumns: readonly string[];
  readonly collection: string;
  readonly isMasked: boolean;
  readonly type: string;
  readonly objectId: string;
  /** The key of the object at the other end. */
  readonly target: string;
}

export function linkTables({ classes }: TriggeredTable, storage: MetadataStorage): LinkTable[] {
  return classes.flatMap(tracked => {
    return [...tracked.collections.values()].map(prop => linkTable(prop, tracked, classes, storage));
  });
}

function linkTable(
  prop: EntityProperty,
  tracked: TrackedEntity,
  { length: classes }: readonly TrackedEntity[],
  storage: MetadataStorage,
): LinkTable {
  const { className } = tracked.meta;
  const refuse = (why: string, next: string) => new UntriggerableError(className, why, next);
  if (classes > 1) throw refuse(`nothing in the links of "${prop.name}" tells the class`, `Exclude "${prop.name}"`);
  if (prop.fixedOrder) throw refuse(`"${prop.name}" keeps an order`, `Exclude "${prop.name}"`);
  const of = (columns: readonly string[]) => columns.map(name => `t0.${quoteName(name)}`);
  const meta = storage.find(prop.pivotEntity as never) as EntityMetadata;
  const objectId = objectIdSql(tracked.keyColumns, of(prop.joinColumns));
  const target = targetKeySql(keyColumns(prop.targetMeta!, tracked.platform), of(prop.inverseJoinColumns));
  if (!objectId || !target)
    throw refuse(`only JavaScript can read the links of "${prop.name}"`, `Exclude "${prop.name}"`);
  return {
    meta,
    name: tableName(meta, undefined),
    keyColumns: [...prop.joinColumns, ...prop.inverseJoinColumns],
    collection: prop.name,
    isMasked: tracked.masked.has(prop.name),
    type: tracked.type,
    objectId,
    target,
  };
}

/**
 * The body of the function that looks at a link which was written, when its transaction commits: was it there before, is
 * it there now, and what has the transaction recorded of it? What triggers find in one transaction is one delta.
 */
export function linkFunction(link: LinkTable, { tables, maskWith }: TriggerOptions): string {
  const value = link.isMasked ? `to_jsonb(${quoteText(maskWith)}::text)` : WITH_LINK;
  const name = quoteText(link.collection);
  return `
declare${DECLARATIONS}
  v_old_id text;
  v_key jsonb;
  v_old_key jsonb;
  v_is boolean;
  v_expected boolean;
  v_one jsonb;
  v_link jsonb;
begin
  if ${setting('tracking')} = 'off' then return null; end if;
  v_type := ${quoteText(link.type)};
  foreach v_existed in array array[true, false] loop
${identify(link)}
${readOwnDeltas(tables)}
    v_expected := v_existed;
    for v_one in select value from jsonb_array_elements(v_own) loop
      v_link := ${valuesOf('v_one')} -> ${name};
      if (v_expected and ${holds('added')}) or (not v_expected and ${holds('removed')}) then
${mendFlushed(link, tables)}
      end if;
      v_expected := case when ${holds('added')} then true when ${holds('removed')} then false
                    when jsonb_typeof(v_link) = 'string' then v_is else v_expected end;
    end loop;
    if v_existed and v_is then -- removed and added again: its addition is none
      perform set_config('${SETTINGS.ownLinks}', (coalesce(${setting('ownLinks')}, '{}')::jsonb
        || jsonb_build_object(jsonb_build_array(${name}, v_id, v_key)::text, true))::text, true);
    end if;
    continue when v_expected = v_is;
${record(link, tables, value)}
  end loop;
  return null;
end`;
}

/** A flush knows the links as it found them: it cannot have added one that was there before, nor removed one that was not. */
function mendFlushed({ collection }: LinkTable, tables: TableNames): string {
  const delta = quoted(tables, 'objectDelta');
  const name = quoteText(collection);
  const mended = (values: string) => `case when v_link = '{"added": [], "removed": []}' then ${values} - ${name}
                                else ${values} || jsonb_build_object(${name}, v_link) end`;
  return `
        v_delta := (v_one ->> 'id')::bigint;
        v_link := jsonb_build_object('added', ${without('added')}, 'removed', ${without('removed')});
        update ${delta} o set old_values = case o.action when 'delete' then ${mended('o.old_values')} else o.old_values end,
                              new_values = case o.action when 'delete' then null else ${mended('o.new_values')} end
        where o.id = v_delta;
        if v_one ->> 'action' = 'update' and exists (select from ${delta} o where o.id = v_delta and o.new_values = '{}') then
${takeBack(tables)}
          select coalesce(jsonb_agg(o.delta order by (o.delta ->> 'id')::bigint), '[]') into v_own
          from jsonb_array_elements(v_own) o(delta) where (o.delta ->> 'id')::bigint <> v_delta;
        end if;`;
}

/** Into the delta that triggers have made of the object, or into a new one. */
function record({ collection }: LinkTable, tables: TableNames, value: string): string {
  const delta = quoted(tables, 'objectDelta');
  const links = `jsonb_build_object(${quoteText(collection)}, ${value})`;
  return `
    v_one := v_own -> -1;
    if (v_one ->> 'id')::bigint >= ${setting('ownFirstDelta')}::bigint then
      v_link := ${valuesOf('v_one')} -> ${quoteText(collection)};
      update ${delta} o set old_values = case o.action when 'delete' then o.old_values || ${links} else o.old_values end,
                            new_values = case o.action when 'delete' then null else o.new_values || ${links} end
      where o.id = (v_one ->> 'id')::bigint;
    else
      v_link := null;
      ${insertDelta(tables, { action: `'update'`, before: `'{}'`, after: links, state: 'null' })}
    end if;`;
}

/** A deletion has no new values: the links that it took stand beside the other values that it found. */
function valuesOf(delta: string): string {
  return `(case ${delta} ->> 'action' when 'delete' then ${delta} -> 'old' else ${delta} -> 'new' end)`;
}

function identify({ objectId, target, name, keyColumns: keys, collection }: LinkTable): string {
  const isSame = keys.map(key => {
    const column = quoteName(key);
    return `t0.${column} = case when v_existed then old.${column} else new.${column} end`;
  });
  return `
    if v_existed then
      continue when tg_op = 'INSERT';
      select ${objectId}, ${target} into v_old_id, v_old_key from (select old.*) t0;
      v_id := v_old_id;
      v_key := v_old_key;
      continue when ${isOwn('old.xmin')};
    else
      continue when tg_op = 'DELETE';
      select ${objectId}, ${target} into v_id, v_key from (select new.*) t0;
      continue when tg_op = 'UPDATE' and v_id = v_old_id and v_key = v_old_key;
      continue when ${setting('ownLinks')}::jsonb ? jsonb_build_array(${quoteText(collection)}, v_id, v_key)::text;
    end if;
    v_is := exists (select from ${name} t0 where ${isSame.join(' and ')});`;
}

function holds(list: 'added' | 'removed'): string {
  return `exists (select from jsonb_array_elements(case when jsonb_typeof(v_link) = 'object' then v_link -> '${list}' else '[]' end) e(key) where e.key = v_key)`;
}

function without(list: 'added' | 'removed'): string {
  return `(select coalesce(jsonb_agg(e.key), '[]')
         from jsonb_array_elements(coalesce(v_link -> '${list}', '[]')) e(key) where e.key <> v_key)`;
}

/** What a delta says of the collection, with the link at hand as well. */
const WITH_LINK = `jsonb_build_object(
        'added', ${without('added')} || case when v_is then jsonb_build_array(v_key) else '[]' end,
        'removed', ${without('removed')} || case when not v_is then jsonb_build_array(v_key) else '[]' end)`;
