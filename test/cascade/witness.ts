import type { EntityMetadata, EntityProperty, MikroORM } from '@mikro-orm/core';
import type { TestDatabase } from '../support/database.js';
import type { DeltaRow, TestOrm } from '../support/orm.js';

type Columns = Record<string, unknown>;

/** What happened to one row of one table between two looks, told by triggers that know nothing of Revy. */
export interface Witnessed {
  readonly table: string;
  readonly old: Columns | null;
  readonly new: Columns | null;
}

/** Object, action and values of what changed: what a delta says, without who and why. */
export interface Seen {
  readonly object: string;
  readonly action: string;
  readonly old: Columns | null;
  readonly new: Columns | null;
}

/** Puts a trigger on each of an ORM's own tables, which notes each change of a row. */
export async function installWitness({ orm, database }: TestOrm): Promise<void> {
  await database.query('create table witness (id bigserial primary key, tbl text, old jsonb, new jsonb)');
  await database.query(`create function note() returns trigger language plpgsql as $$ begin
    insert into witness (tbl, old, new) values (
      tg_table_name,
      case when tg_op = 'INSERT' then null else to_jsonb(old) end,
      case when tg_op = 'DELETE' then null else to_jsonb(new) end);
    return null;
  end $$`);
  for (const table of tablesIn(orm)) {
    await database.query(
      `create trigger witness after insert or update or delete on ${table} for each row execute function public.note()`,
    );
  }
}

/** One change for each row: from what it was first to what it is last. Under another key it is another row. */
export async function witnessed(database: TestDatabase, orm: MikroORM): Promise<Witnessed[]> {
  const rows = await database.query<{ tbl: string; old: Columns | null; new: Columns | null }>(
    'select tbl, old, new from witness order by id',
  );
  await database.query('truncate witness');
  const byRow = new Map<string, { table: string; old: Columns | null; new: Columns | null }>();
  const note = (table: string, old: Columns | null, after: Columns | null) => {
    const key = `${table} ${JSON.stringify(keyIn(orm, table, (old ?? after)!))}`;
    const known = byRow.get(key);
    if (known) known.new = after;
    else byRow.set(key, { table, old, new: after });
  };
  const keyOf = (table: string, row: Columns | null) => row && JSON.stringify(keyIn(orm, table, row));
  for (const { tbl, old, new: after } of rows) {
    const isRekeyed = old && after && keyOf(tbl, old) !== keyOf(tbl, after);
    if (isRekeyed) {
      note(tbl, old, null);
      note(tbl, null, after);
    } else note(tbl, old, after);
  }
  return [...byRow.values()].filter(row => JSON.stringify(row.old) !== JSON.stringify(row.new));
}

/** What deltas of these classes, one class for each table, would say of what the triggers saw. */
export function asDeltas(changes: readonly Witnessed[], classes: readonly EntityMetadata[]): Seen[] {
  return changes.flatMap(change => {
    const meta = classes.find(one => one.tableName === change.table);
    if (!meta) return [];
    const props = meta.props.filter(
      prop =>
        prop.fieldNames &&
        !prop.primary &&
        prop.persist !== false &&
        !prop.pivotEntity &&
        (prop.owner || !prop.mappedBy),
    );
    const old = change.old && attributes(props, change.old);
    const after = change.new && attributes(props, change.new);
    const id = text(meta.getPrimaryProps().flatMap(prop => columns(prop, (change.old ?? change.new)!)));
    return [seen(`${meta.className}:${id}`, old, after)];
  });
}

function seen(object: string, old: Columns | null, after: Columns | null): Seen {
  if (!old || !after) return { object, action: old ? 'delete' : 'create', old, new: after };
  const changed = Object.keys(after).filter(name => JSON.stringify(old[name]) !== JSON.stringify(after[name]));
  const pick = (values: Columns) => Object.fromEntries(changed.map(name => [name, values[name]]));
  return { object, action: 'update', old: pick(old), new: pick(after) };
}

/** Deltas as the witness would tell them: without links, which lie in tables of their own. */
export function withoutLinks(deltas: readonly DeltaRow[], collections: readonly string[] = []): Seen[] {
  const rest = (values: Columns | null) =>
    values && Object.fromEntries(Object.entries(values).filter(([name]) => !collections.includes(name)));
  return deltas
    .map(delta => ({ object: delta.object, action: delta.action, old: rest(delta.old), new: rest(delta.new) }))
    .filter(delta => delta.action !== 'update' || Object.keys(delta.new ?? {}).length > 0);
}

export function sorted(all: readonly Seen[]): Seen[] {
  return all
    .map(one => ({ ...one, old: one.old && ordered(one.old), new: one.new && ordered(one.new) }))
    .toSorted((a, b) => a.object.localeCompare(b.object));
}

function ordered(values: Columns): Columns {
  return Object.fromEntries(Object.entries(values).toSorted(([a], [b]) => a.localeCompare(b)));
}

function attributes(props: readonly EntityProperty[], row: Columns): Columns {
  return Object.fromEntries(
    props.map(prop => {
      const values = columns(prop, row);
      return [prop.name, values.length === 1 ? values[0] : values.includes(null) ? null : values];
    }),
  );
}

function columns(prop: EntityProperty, row: Columns): unknown[] {
  return prop.fieldNames.map(name => row[name] ?? null);
}

function text(values: readonly unknown[]): string {
  return values.length === 1 ? String(values[0]) : JSON.stringify(values);
}

function keyIn(orm: MikroORM, table: string, row: Columns): unknown[] {
  const meta = [...orm.getMetadata()].find(one => one.tableName === table)!;
  return meta.getPrimaryProps().flatMap(prop => columns(prop, row));
}

function tablesIn(orm: MikroORM): string[] {
  const metas = [...orm.getMetadata()].filter(meta => meta.tableName && !meta.view && !meta.embeddable);
  const names = metas.map(meta => (meta.schema ? `"${meta.schema}"."${meta.tableName}"` : `"${meta.tableName}"`));
  return [...new Set(names)].filter(name => !name.includes('revy_'));
}
