import { quoteText, quoteTexts } from '../model/quote.js';
import type { PastTemplate } from './history-at.js';
import type { PastClass, PastTable } from './past-table.js';

/** Among the values of a state: what it does not have is as the object's present row has it. */
const LIVE = '$live';

/**
 * What became of the object `k` after the point: its first delta, with the values before it. Those are what the
 * object's deltas add up to since its last full state, and what they do not know, later deltas say that they replaced.
 */
export function stateAt(table: PastTable, history: PastTemplate, first: FirstAfter = firstAfter): string {
  const isComplete = `n.action <> 'update' or f.v ?& ${attributesOf(table, 'n.object_type')}`;
  const completed = `coalesce((${laterValues(table, history)}), '{}') || coalesce(f.v, '{}')`;
  const known = presentNames(table, 'r.v', 'newest');
  return `
select n.id, n.action, n.object_type, w.v, w.v ? '${LIVE}' as is_live, u.unreadable
from (${first(table, history)}) n
cross join lateral (select case n.action when 'update' then (${fold(table, history)}) else n.old_values end as v offset 0) ${
    known === 'r.v'
      ? 'f'
      : `r
cross join lateral (select ${known} as v offset 0) f`
  }
cross join lateral (select case when ${isComplete} then f.v else ${completed} end as v offset 0) v
cross join lateral (select ${unreadable(table, 'v.v')} as unreadable offset 0) u
cross join lateral (select case when cardinality(u.unreadable) > 0 then v.v || (
  select jsonb_object_agg(a, null) from unnest(u.unreadable) a) else v.v end as v offset 0) w
offset 0`;
}

/**
 * Names of the attributes whose stored values do not fit the types that they have now. Worked out once for a row, and not
 * where a column is read: a join may read it for each pair of rows.
 */
function unreadable(table: PastTable, values: string): string {
  return byClass(table, typeOf(table, 'n.object_type'), ({ type }) => {
    const fitting = table.columns.flatMap(({ sources }) => {
      const { property, read } = sources.get(type) ?? {};
      const fits = read?.(values).fits;
      return fits ? [{ property: property!, fits }] : [];
    });
    const names = [...Map.groupBy(fitting, ({ property }) => property)].map(([property, parts]) => {
      const all = parts.map(({ fits }) => `not (${fits})`).join(' or ');
      return `case when ${all} then ${quoteText(property)} end`;
    });
    return names.length === 0 ? "'{}'::text[]" : `array_remove(array[${names.join(', ')}], null)`;
  });
}

/** Finds the first delta of the object `k` after the point. */
type FirstAfter = (table: PastTable, history: PastTemplate) => string;

/** The same where a delta after the point is known (`k.revy_first`): behind all that came before, it needs no search. */
export function byFirst(table: PastTable, history: PastTemplate): string {
  if (!table.discriminator && table.classes.length > 1) return firstAfter(table, history);
  return `
  select d.id, d.action, d.object_type, d.old_values from ${history.delta} d
  where d.id = case when k.revy_first > ${history.nearby} then k.revy_first else (
    select f.id from (${firstAfter(table, history)}) f) end`;
}

/** An object of several possible types is of the one that did not begin after the point. */
function firstAfter(table: PastTable, history: PastTemplate): string {
  const first = (type: string) => `
  select d.id, d.action, d.object_type, d.old_values from ${history.delta} d
  where ${isObject('d', type)} and ${history.after('d.revision_id')} and d.id > coalesce((
    select b.id from ${history.delta} b
    where ${isObject('b', type)} and b.id <= ${history.nearby} and ${history.upTo('b.revision_id')}
    order by b.id desc limit 1), 0)
  order by d.id limit 1`;
  if (table.discriminator) return first('k.revy_class');
  if (table.classes.length === 1) return first(typeOf(table, ''));
  return `select o.* from unnest(${typesOf(table)}) t(type) cross join lateral (${first('t.type')}) o
  order by o.action = 'create', o.id limit 1`;
}

/** Values under the names that attributes have now; see `AttributeNames.toPresent`. */
function presentNames(table: PastTable, values: string, counts: 'newest' | 'oldest'): string {
  return byClass(table, typeOf(table, 'n.object_type'), ({ renamed }) => {
    const former = renamed.flatMap(([, names]) => names);
    const parts = renamed.map(([attribute, names]) => {
      const all = counts === 'newest' ? [attribute, ...names] : [...names.toReversed(), attribute];
      const value = `coalesce(${all.map(name => `${values} -> ${quoteText(name)}`).join(', ')})`;
      return `case when ${values} ?| ${quoteTexts(all)} then jsonb_build_object(${quoteText(attribute)}, ${value}) else '{}' end`;
    });
    return parts.length === 0 ? values : `(${values} - ${quoteTexts(former)} || ${parts.join(' || ')})`;
  });
}

/** Concatenating is faster than aggregating by key; there are more deltas only where full states were rarer once. */
function fold(table: PastTable, { delta, tail }: PastTemplate): string {
  const type = typeOf(table, 'n.object_type');
  const concatenated = Array.from({ length: tail }, (_, index) => `coalesce(t.values[${index + 1}], '{}')`).join(
    ' || ',
  );
  return `
  select case when cardinality(t.values) <= ${tail} then ${concatenated} else (
    select jsonb_object_agg(e.key, e.value order by u.place)
    from unnest(t.values) with ordinality u(value, place), jsonb_each(u.value) e) end
  from (
    select array_agg(coalesce(d.state, d.new_values) order by d.id) as values from ${delta} d
    where ${isObject('d', type)} and d.id < n.id and d.id >= coalesce((
      select b.id from ${delta} b
      where ${isObject('b', type)} and b.id < n.id and (b.state is not null or b.action <> 'update')
      order by b.id desc limit 1), 0)
  ) t`;
}

/**
 * Where the fold leaves something open, which it does for objects that are older than their history: the first old
 * value of each attribute after the point. Where there is none, the present row still has it, unless that is another's.
 */
function laterValues(table: PastTable, { delta }: PastTemplate): string {
  const type = typeOf(table, 'n.object_type');
  const missing = `array(select a from unnest(${namesOf(table)}) a where not coalesce(f.v ? a, false))`;
  const first = `coalesce(jsonb_object_agg(e.key, e.value order by d.id desc) filter (where e.key is not null), '{}')`;
  return `
  select ${presentNames(table, first, 'oldest')}
         || case when count(*) > 0 and max(d.ending) is null then '{"${LIVE}": true}' else '{}' end::jsonb
  from (
    select d.id, d.old_values, min(d.id) filter (where d.action <> 'update') over () as ending from ${delta} d
    where ${isObject('d', type)} and d.id >= n.id
      and (select b.action from ${delta} b where ${isObject('b', type)} order by b.id limit 1) <> 'create'
  ) d
  left join lateral jsonb_each(case when d.old_values ?| ${missing} then d.old_values end) e
    on d.id <= coalesce(d.ending, d.id)`;
}

export function isObject(d: string, type: string): string {
  return `${d}.object_type = ${type} and ${d}.object_id = k.revy_id`;
}

/** The type of a table that has but one: PostgreSQL estimates by what it knows. */
export function typeOf({ classes }: PastTable, otherwise: string): string {
  return classes.length === 1 ? quoteText(classes[0]!.type) : otherwise;
}

/** Names of the attributes that a complete state has. */
export function attributesOf(table: PastTable, type: string): string {
  return byClass(table, type, ({ attributes }) => quoteTexts(attributes));
}

/** The same, and those that they had before. */
function namesOf(table: PastTable): string {
  return byClass(table, typeOf(table, 'n.object_type'), ({ attributes, renamed }) =>
    quoteTexts([...attributes, ...renamed.flatMap(([, former]) => former)]),
  );
}

/** What holds of an object by its class; where all classes have the same, without asking. */
export function byClass({ classes }: PastTable, type: string, sqlOf: (each: PastClass) => string): string {
  const [first, ...more] = classes.map(sqlOf);
  if (more.every(sql => sql === first)) return first!;
  return `case ${type} ${classes.map(each => `when ${quoteText(each.type)} then ${sqlOf(each)}`).join(' ')} end`;
}

export function typesOf({ classes }: PastTable): string {
  return quoteTexts(classes.map(({ type }) => type));
}

export function isOneOf(table: PastTable): string {
  return table.classes.length === 1 ? `= ${typeOf(table, '')}` : `= any(${typesOf(table)})`;
}
