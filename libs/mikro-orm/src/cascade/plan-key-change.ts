import type { ForeignKeyEdge } from './foreign-key-edge.js';
import { columnReader, columnValues, type FoundRow, identityOf } from './found-row.js';
import type { NewForeignKeys } from './new-foreign-keys.js';
import type { EdgesByTarget } from './relevant-edges.js';
import type { RowLock, RowReader } from './rows.query.js';
import { tablesOf } from './tables.js';

/** A row some of whose columns get other values, because a key does. */
export interface FollowingRow {
  /** As it was read before. */
  found: FoundRow;
  /** Columns that may get other values. */
  readonly columns: Set<string>;
  /** The values that columns get, as far as they are known. */
  readonly values: Map<string, unknown>;
  /** What refers to it. */
  readonly followers: Map<string, Follower>;
  /** The foreign key that it was found by; none for a row whose key is changed by itself. */
  readonly edge: ForeignKeyEdge | undefined;
}

interface Follower {
  readonly edge: ForeignKeyEdge;
  readonly row: FollowingRow;
  /** What a rule that does not follow sets in place of the key. */
  readonly fixed: readonly unknown[] | undefined;
}

/**
 * Rows that refer to keys which are about to change, and what refers to those where they are keys in turn. Read before
 * the change, when it is seen who refers to whom; what the keys become may be told once it is known.
 */
export class KeyChangePlan {
  readonly rows = new Map<string, FollowingRow>();

  get hasFollowers(): boolean {
    return [...this.rows.values()].some(row => row.followers.size > 0);
  }

  /** @param columns of the row that may change */
  start(found: FoundRow, columns: readonly string[]): FollowingRow {
    return this.#note(found, columns, undefined);
  }

  /** @returns the row if it may change in a column that it was not known to change in */
  follow(parent: FollowingRow, found: FoundRow, by: Omit<Follower, 'row'>): FollowingRow | undefined {
    const { edge } = by;
    const known = this.rows.get(identityOf(found.meta, found.id));
    const isNew = !known || edge.columns.own.some(column => !known.columns.has(column));
    const row = this.#note(found, edge.columns.own, edge);
    parent.followers.set(`${edge.table._id} ${edge.prop.name} ${found.id}`, { ...by, row });
    return isNew ? row : undefined;
  }

  /** Tells what columns of a row become, and passes it on to whatever refers to them. */
  tell(row: FollowingRow, values: ReadonlyMap<string, unknown>): void {
    for (const [column, value] of values) row.values.set(column, value);
    const changed = [row];
    for (const parent of changed) {
      for (const follower of parent.followers.values()) if (passOn(parent, follower)) changed.push(follower.row);
    }
  }

  #note(found: FoundRow, columns: readonly string[], edge: ForeignKeyEdge | undefined): FollowingRow {
    const identity = identityOf(found.meta, found.id);
    const known = this.rows.get(identity);
    const row = known ?? { found, edge, columns: new Set(), values: new Map(), followers: new Map() };
    row.found = { ...found, row: { ...row.found.row, ...found.row } };
    for (const column of columns) row.columns.add(column);
    this.rows.set(identity, row);
    return row;
  }
}

/** @returns whether the row gets values that it was not known to get */
function passOn(parent: FollowingRow, { edge, row, fixed }: Follower): boolean {
  const { own, target } = edge.columns;
  if (!target.some(column => parent.values.has(column))) return false;
  const before = columnValues(row.found.row, edge.prop);
  const after = fixed ?? target.map((column, i) => (parent.values.has(column) ? parent.values.get(column) : before[i]));
  let isNew = false;
  for (const [index, column] of own.entries()) {
    const known = row.values.has(column) ? row.values.get(column) : before[index];
    if (isSame(known, after[index])) continue;
    row.values.set(column, after[index]);
    isNew = true;
  }
  return isNew;
}

/** Whether two values of a column are the same; dates and bytes have no identity of their own. */
export function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** Follows keys that may change to the foreign keys that the database changes with them, and on where those are keys. */
export async function planKeyChange(
  plan: KeyChangePlan,
  edges: EdgesByTarget,
  reader: RowReader,
  defaults: NewForeignKeys,
): Promise<void> {
  let level = [...plan.rows.values()];
  while (level.length > 0) {
    const next = new Set<FollowingRow>();
    for (const [edge, parents] of byEdge(level, edges)) {
      for (const row of await findFollowers(plan, edge, parents, { reader, defaults })) next.add(row);
    }
    level = [...next];
  }
}

function byEdge(rows: readonly FollowingRow[], edges: EdgesByTarget): Map<ForeignKeyEdge, FollowingRow[]> {
  const changed = new Map<ForeignKeyEdge, FollowingRow[]>();
  for (const row of rows) {
    for (const edge of tablesOf(row.found.meta).flatMap(table => edges.get(table._id) ?? [])) {
      if (!edge.columns.target.some(column => row.columns.has(column))) continue;
      const rowsOf = changed.get(edge);
      if (rowsOf) rowsOf.push(row);
      else changed.set(edge, [row]);
    }
  }
  return changed;
}

interface Sources {
  readonly reader: RowReader;
  readonly defaults: NewForeignKeys;
}

/** @returns those from which one has to go on */
async function findFollowers(
  plan: KeyChangePlan,
  edge: ForeignKeyEdge,
  parents: readonly FollowingRow[],
  { reader, defaults }: Sources,
): Promise<FollowingRow[]> {
  const read = columnReader(reader.graph.referredProperties(edge.target), edge.columns.target);
  const byKey = new Map(parents.map(row => [JSON.stringify(read(row.found.row)), row]));
  const rows = parents.map(row => row.found);
  const found = await reader.referring(edge, rows, lockFor(edge));
  const fixed = found.length > 0 ? await fixedValues(edge, defaults) : undefined;
  return found.flatMap(row => {
    const parent = byKey.get(JSON.stringify(columnValues(row.row, edge.prop)));
    return (parent && plan.follow(parent, row, { edge, fixed })) ?? [];
  });
}

/** Under another key a row is another object, all of which is recorded. */
function lockFor({ table, columns }: ForeignKeyEdge): RowLock {
  const key = table.getPrimaryProps().flatMap(prop => prop.fieldNames);
  return columns.own.some(column => key.includes(column)) ? 'delete' : 'update';
}

async function fixedValues(edge: ForeignKeyEdge, defaults: NewForeignKeys): Promise<readonly unknown[] | undefined> {
  if (edge.onUpdate === 'set default') return defaults.defaultOf(edge);
  return edge.onUpdate === 'set null' ? edge.columns.own.map(() => null) : undefined;
}
