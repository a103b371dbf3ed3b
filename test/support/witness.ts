import { isDeepStrictEqual } from 'node:util';
import type { TestOrm } from './orm.js';
import { type Columns, type Exceptions, type ObjectState, type Rows, type State, TableShapes } from './table-shapes.js';

/** What happened to one row in one statement, told by a trigger. */
export interface RowChange {
  readonly transaction: string;
  readonly table: string;
  readonly old: Columns | null;
  readonly new: Columns | null;
}

/** What a transaction did to one object: what a delta says, without who and why. */
export interface ObjectChange {
  readonly object: string;
  readonly action: 'create' | 'update' | 'delete';
  readonly old: Columns | null;
  readonly new: Columns | null;
}

/** A committed transaction: what it changed, and how it left all objects. */
export interface WitnessedTransaction {
  readonly id: string;
  readonly changes: readonly ObjectChange[];
  readonly after: State;
}

/**
 * Row triggers on every table of an ORM, which note each change by themselves: the eye that our code does not pass
 * through. Installed by the replication role `origin`, so that `session_replication_role = replica` writes past them.
 */
export class Witness {
  #base: Rows = new Map();

  private constructor(
    private readonly test: TestOrm,
    readonly shapes: TableShapes,
    private readonly tableRows: string,
    private readonly namedRows: string,
  ) {}

  static async install(test: TestOrm, exceptions: Exceptions = {}): Promise<Witness> {
    const { orm, database } = test;
    const shapes = await TableShapes.read(orm, database, exceptions);
    await database.query(WITNESS_TABLE);
    const selects: string[] = [];
    const named: string[] = [];
    for (const table of shapes.tables) {
      const exact = await exactColumns(test, table);
      const [{ place } = { place: `"${table}"` }] = await database.query<{ place: string }>(
        `select format('%I.%I', table_schema, table_name) as place from information_schema.tables where table_name = $1`,
        [table],
      );
      await database.query(`create trigger witness after insert or update or delete on ${place}
        for each row execute function public.witness(${exact.map(column => `'${column}'`).join(', ')})`);
      const exactly = `public.witness_row(to_jsonb(t), array[${exact.map(column => `'${column}'`).join(', ')}]::text[])`;
      const rowsOf = (place: string) => `'${table}', (select coalesce(jsonb_agg(${exactly}), '[]') from ${place} t)`;
      selects.push(rowsOf(place));
      named.push(rowsOf(`"${table}"`));
    }
    const all = (rows: readonly string[]) => `select jsonb_build_object(${rows.join(', ')}) as rows`;
    const witness = new Witness(test, shapes, all(selects), all(named));
    await witness.forget();
    return witness;
  }

  /** Forgets what was seen; the tables as they are now are where the next transaction begins. */
  async forget(): Promise<void> {
    await this.test.database.query('truncate witness restart identity');
    await this.startHere();
  }

  /** As `forget`, where the test has emptied the table `witness` itself. */
  async startHere(): Promise<void> {
    this.#base = await this.liveRows();
  }

  /** How things were when the last `forget` was. */
  get base(): State {
    return this.shapes.state(this.#base);
  }

  /** How things are. */
  async live(): Promise<State> {
    return this.shapes.state(await this.liveRows());
  }

  /** How a reader of SQL sees things that finds the tables by their bare names. */
  async seenBy(read: (sql: string) => Promise<{ rows: Record<string, Columns[]> }[]>): Promise<State> {
    return this.shapes.state(this.#rows(await read(this.namedRows)));
  }

  async liveRows(): Promise<Rows> {
    return this.#rows(await this.test.database.query(this.tableRows));
  }

  #rows([found]: readonly { rows: Record<string, Columns[]> }[]): Rows {
    return new Map(
      Object.entries(found!.rows).map(([table, rows]) => [
        table,
        new Map(rows.map(row => [this.shapes.key(table, row), row])),
      ]),
    );
  }

  /** Each change of a row, in the order in which the triggers saw them: of one row, the true order. */
  async rowChanges(): Promise<RowChange[]> {
    return this.test.database.query<RowChange>('select transaction, "table", old, new from witness order by id');
  }

  /**
   * What each transaction changed, those that changed nothing in the end left out, in the order in which they began to
   * write: for transactions that came one after the other.
   */
  async transactions(): Promise<WitnessedTransaction[]> {
    const rows = new Map([...this.#base].map(([table, all]) => [table, new Map(all)]));
    const seen: WitnessedTransaction[] = [];
    let before = this.shapes.state(rows);
    for (const [id, changes] of Map.groupBy(await this.rowChanges(), change => change.transaction)) {
      for (const change of changes) this.#apply(change, rows);
      const after = this.shapes.state(rows);
      const changed = differences(before, after);
      if (changed.length > 0) seen.push({ id, changes: changed, after });
      before = after;
    }
    return seen;
  }

  #apply({ table, old, new: now }: RowChange, rows: Map<string, Map<string, Columns>>): void {
    const ofTable = rows.get(table)!;
    if (old) ofTable.delete(this.shapes.key(table, old));
    if (now) ofTable.set(this.shapes.key(table, now), now);
  }

  /** Each delta that Revy recorded, in order, with links in the order of their keys. */
  async deltas(): Promise<(ObjectChange & { readonly transaction: string })[]> {
    const rows = await this.test.database.query<ObjectChange & { transaction: string }>(`
      select r.transaction_id::text as transaction, d.object_type || ':' || d.object_id as object, d.action,
        d.old_values as old, d.new_values as new
      from revy_object_delta d join revy_revision r on r.id = d.revision_id order by d.id`);
    return rows.map(row => ({ transaction: row.transaction, ...told(row) }));
  }

  /** What Revy recorded, by transaction: objects in the order of their names. */
  async recorded(): Promise<ReadonlyMap<string, ObjectChange[]>> {
    const byTransaction = Map.groupBy(await this.deltas(), delta => delta.transaction);
    return new Map([...byTransaction].map(([id, all]) => [id, byObject(all.map(row => told(row)))]));
  }

  /** What triggers saw of each transaction, in the form of `recorded`. */
  async witnessed(): Promise<ReadonlyMap<string, ObjectChange[]>> {
    return new Map((await this.transactions()).map(({ id, changes }) => [id, byObject(changes)]));
  }
}

const WITNESS_TABLE = `
create table witness (id bigint generated always as identity, transaction text, "table" text, old jsonb, new jsonb);
-- numbers that JavaScript would round are told as text
create function witness_row(data jsonb, exact text[]) returns jsonb immutable language sql as $$
  select data || coalesce((select jsonb_object_agg(name, data ->> name) from unnest(exact) name), '{}') $$;
create function witness() returns trigger language plpgsql as $$ begin
  insert into public.witness (transaction, "table", old, new) values (pg_current_xact_id()::text, tg_table_name,
    case when tg_op <> 'INSERT' then public.witness_row(to_jsonb(old), tg_argv::text[]) end,
    case when tg_op <> 'DELETE' then public.witness_row(to_jsonb(new), tg_argv::text[]) end);
  return null;
end $$;`;

async function exactColumns({ database }: TestOrm, table: string): Promise<string[]> {
  const rows = await database.query<{ name: string }>(
    `select column_name as name from information_schema.columns where table_name = $1 and udt_name in ('int8', 'numeric')`,
    [table],
  );
  return rows.map(({ name }) => name);
}

/** What became of each object between two states. */
export function differences(before: State, after: State): ObjectChange[] {
  const changes: ObjectChange[] = [];
  for (const [object, old] of before) {
    const now = after.get(object);
    if (!now) changes.push({ object, action: 'delete', old: { ...old.values, ...linkChanges(old) }, new: null });
    else if (now !== old) changes.push(...updated(object, old, now));
  }
  for (const [object, now] of after) {
    if (before.has(object)) continue;
    const links = linkChanges(undefined, now);
    changes.push({ object, action: 'create', old: null, new: { ...now.values, ...links } });
  }
  return changes;
}

function updated(object: string, old: ObjectState, now: ObjectState): ObjectChange[] {
  const [were, are] = [old, now].map(({ values, hidden }): Columns => ({ ...values, ...hidden }));
  const changed = Object.keys(now.values).filter(name => !isDeepStrictEqual(were![name], are![name]));
  const pick = (values: Readonly<Columns>) => Object.fromEntries(changed.map(name => [name, values[name]]));
  const links = linkChanges(old, now);
  if (changed.length + Object.keys(links).length === 0) return [];
  return [{ object, action: 'update', old: pick(old.values), new: { ...pick(now.values), ...links } }];
}

function linkChanges(old: ObjectState | undefined, now?: ObjectState): Columns {
  const changes: Columns = {};
  for (const name of new Set([...Object.keys(old?.links ?? {}), ...Object.keys(now?.links ?? {})])) {
    const [were, are] = [old?.links[name] ?? [], now?.links[name] ?? []];
    const added = are.filter(key => !were.includes(key)).map(parse);
    const removed = were.filter(key => !are.includes(key)).map(parse);
    if (added.length + removed.length > 0) changes[name] = { added, removed };
  }
  return changes;
}

function parse(key: string): unknown {
  return JSON.parse(key);
}

/** Links have no order. */
function told({ object, action, old, new: now }: ObjectChange): ObjectChange {
  return { object, action, old: old && withSortedLinks(old), new: now && withSortedLinks(now) };
}

function withSortedLinks(values: Columns): Columns {
  const sorted = Object.entries(values).map(([name, value]) => [name, isLink(value) ? sortedLink(value) : value]);
  return Object.fromEntries(sorted) as Columns;
}

interface Link {
  readonly added: readonly unknown[];
  readonly removed: readonly unknown[];
}

export function isLink(value: unknown): value is Link {
  return typeof value === 'object' && value !== null && Object.keys(value).toSorted().join() === 'added,removed';
}

function sortedLink({ added, removed }: Link): Link {
  const sort = (keys: readonly unknown[]) => keys.map(key => JSON.stringify(key)).toSorted();
  return { added: sort(added).map(parse), removed: sort(removed).map(parse) };
}

export function byObject(changes: readonly ObjectChange[]): ObjectChange[] {
  return changes.toSorted((a, b) => (a.object < b.object ? -1 : 1));
}
