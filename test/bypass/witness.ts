import type { TestOrm } from '../support/orm.js';

/** What one transaction did to one row, in the words of the database. */
export interface RowChange {
  readonly transaction: string;
  readonly object: string;
  readonly action: 'create' | 'update' | 'delete';
  readonly old: Record<string, unknown> | null;
  readonly new: Record<string, unknown> | null;
}

export interface WitnessedTable {
  readonly table: string;
  readonly type: string;
  /** Attribute by column; the key is left out. */
  readonly columns: Readonly<Record<string, string>>;
}

export const BLOG_TABLES: readonly WitnessedTable[] = [
  { table: 'user', type: 'User', columns: { name: 'name', email: 'email' } },
  {
    table: 'post',
    type: 'Post',
    columns: { title: 'title', slug: 'slug', views: 'views', meta: 'meta', author_id: 'author' },
  },
];

/** Row triggers that write down each change by themselves: the eye that our code does not pass through. */
export async function installWitness({ database }: TestOrm, tables = BLOG_TABLES): Promise<void> {
  await database.query(`create table witness (
    id bigint generated always as identity, transaction text, name text, old jsonb, new jsonb)`);
  await database.query(`create function witness() returns trigger language plpgsql as $$ begin
    insert into witness (transaction, name, old, new) values (pg_current_xact_id()::text, TG_TABLE_NAME,
      case when TG_OP <> 'INSERT' then to_jsonb(old) end, case when TG_OP <> 'DELETE' then to_jsonb(new) end);
    return null; end $$`);
  for (const { table } of tables) {
    await database.query(
      `create trigger witness after insert or update or delete on "${table}" for each row execute function witness()`,
    );
  }
}

export async function forgetWitnessed({ database }: TestOrm): Promise<void> {
  await database.query('truncate witness restart identity');
}

interface WitnessRow {
  readonly transaction: string;
  readonly name: string;
  readonly old: Record<string, unknown> | null;
  readonly new: Record<string, unknown> | null;
}

/** What the triggers saw: for each transaction and row, from its first version to its last. */
export async function witnessed({ database }: TestOrm, tables = BLOG_TABLES): Promise<RowChange[]> {
  const rows = await database.query<WitnessRow>('select * from witness order by id');
  const states = new Map<string, { transaction: string; object: string; old: Values; new: Values }>();
  const note = (row: WitnessRow, side: 'old' | 'new') => {
    const table = tables.find(({ table: name }) => name === row.name)!;
    if (!row[side]) return;
    const object = `${table.type}:${String(row[side]['id'])}`;
    const key = `${row.transaction} ${object}`;
    const state = states.get(key) ?? { transaction: row.transaction, object, old: null, new: null };
    const values = attributes(table, row[side]);
    if (!states.has(key) && side === 'old') state.old = values;
    state.new = side === 'new' ? values : null;
    states.set(key, state);
  };
  for (const row of rows) {
    note(row, 'old');
    note(row, 'new');
  }
  return sorted([...states.values()].flatMap(state => changeOf(state) ?? []));
}

type Values = Record<string, unknown> | null;

function attributes({ columns }: WitnessedTable, row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(columns).map(([column, attribute]) => [attribute, row[column] ?? null]));
}

function changeOf(state: { transaction: string; object: string; old: Values; new: Values }): RowChange | undefined {
  if (!state.old) return state.new ? { ...state, action: 'create' } : undefined;
  if (!state.new) return { ...state, action: 'delete' };
  const changed = Object.keys(state.old).filter(name => !same(state.old![name], state.new![name]));
  const only = (values: Record<string, unknown>) => Object.fromEntries(changed.map(name => [name, values[name]]));
  return changed.length ? { ...state, action: 'update', old: only(state.old), new: only(state.new) } : undefined;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** What Revy recorded, in the same form. */
export async function recorded({ database }: TestOrm): Promise<RowChange[]> {
  return sorted(
    await database.query<RowChange>(`select r.transaction_id::text as transaction,
      d.object_type || ':' || d.object_id as object, d.action, d.old_values as old, d.new_values as new
      from revy_object_delta d join revy_revision r on r.id = d.revision_id`),
  );
}

function sorted(changes: RowChange[]): RowChange[] {
  const key = ({ transaction, object }: RowChange) => `${transaction.padStart(20)} ${object}`;
  return changes.toSorted((a, b) => key(a).localeCompare(key(b)));
}
