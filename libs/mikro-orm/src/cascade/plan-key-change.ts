import type { ForeignKeyEdge } from './foreign-key-edge.js';
import { columnReader, columnValues, type FoundRow, identityOf } from './found-row.js';
import type { NewValues } from './cascade-changes.js';
import type { NewForeignKeys } from './new-foreign-keys.js';
import type { EdgesByTarget } from './relevant-edges.js';
import type { RowReader } from './rows.query.js';
import { tablesOf } from './tables.js';

/** A row some of whose columns get other values. */
export interface RekeyedRow {
  readonly found: FoundRow;
  readonly values: NewValues;
  /** The foreign key that changes; none for the row that an application changed. */
  readonly edge: ForeignKeyEdge | undefined;
}

/** Follows changed keys to the foreign keys that the database changes with them, and on where those are keys. */
export async function planKeyChange(
  seeds: readonly RekeyedRow[],
  edges: EdgesByTarget,
  reader: RowReader,
  defaults: NewForeignKeys,
): Promise<RekeyedRow[]> {
  const all: RekeyedRow[] = [];
  const seen = new Set<string>();
  let level = seeds;
  while (level.length > 0) {
    const next: RekeyedRow[] = [];
    for (const [edge, changed] of byEdge(level, edges)) {
      for (const row of await rekeyed(edge, changed, { reader, defaults })) {
        const place = `${identityOf(row.found.meta, row.found.id)} ${edge.prop.name}`;
        if (!seen.has(place)) next.push(row);
        seen.add(place);
      }
    }
    all.push(...next);
    level = next;
  }
  return all;
}

function byEdge(rows: readonly RekeyedRow[], edges: EdgesByTarget): Map<ForeignKeyEdge, RekeyedRow[]> {
  const changed = new Map<ForeignKeyEdge, RekeyedRow[]>();
  for (const row of rows) {
    for (const edge of tablesOf(row.found.meta).flatMap(table => edges.get(table._id) ?? [])) {
      if (edge.columns.target.some(column => row.values.has(column))) {
        const rowsOf = changed.get(edge);
        if (rowsOf) rowsOf.push(row);
        else changed.set(edge, [row]);
      }
    }
  }
  return changed;
}

interface Sources {
  readonly reader: RowReader;
  readonly defaults: NewForeignKeys;
}

/** Rows that refer to changed keys, with what their own columns get. */
async function rekeyed(
  edge: ForeignKeyEdge,
  rows: readonly RekeyedRow[],
  { reader, defaults }: Sources,
): Promise<RekeyedRow[]> {
  const read = columnReader(reader.graph.referredProperties(edge.target), edge.columns.target);
  const byKey = new Map(rows.map(row => [JSON.stringify(read(row.found.row)), row]));
  const changed = rows.map(row => row.found);
  const found = await reader.referring(edge, changed, 'update');
  const fixed = found.length > 0 ? await fixedValues(edge, defaults) : undefined;
  const result: RekeyedRow[] = [];
  for (const row of found) {
    const before = columnValues(row.row, edge.prop);
    const parent = byKey.get(JSON.stringify(before));
    if (!parent) continue;
    const after = fixed ?? edge.columns.target.map((column, index) => valueIn(parent.values, column, before[index]));
    result.push({ found: row, edge, values: new Map(edge.columns.own.map((column, index) => [column, after[index]])) });
  }
  return result;
}

function valueIn(values: NewValues, column: string, otherwise: unknown): unknown {
  return values.has(column) ? values.get(column) : otherwise;
}

async function fixedValues(edge: ForeignKeyEdge, defaults: NewForeignKeys): Promise<readonly unknown[] | undefined> {
  if (edge.onUpdate === 'set default') return defaults.defaultOf(edge);
  return edge.onUpdate === 'set null' ? edge.columns.own.map(() => null) : undefined;
}
