import type { EntityMetadata } from '@mikro-orm/core';
import type { ForeignKeyEdge } from './foreign-key-edge.js';
import { columnValues, type FoundRow, identityOf } from './found-row.js';
import type { ChangedLink } from './link-changes.js';
import type { LinkEnds } from './pivot-links.js';
import type { EdgesByTarget } from './relevant-edges.js';
import type { RowReader } from './rows.query.js';
import { hasPartIn, tablesOf } from './tables.js';

/** A row that will be gone, or the part of it that will be. */
export interface LostRow extends FoundRow {
  /** The tables that lose it, by their `_id`. */
  readonly tables: Set<number>;
  /** How many foreign keys lie between it and a row that is deleted by itself, which has 0. */
  readonly level: number;
  /** Whether we have to delete it. */
  isHandled: boolean;
}

/** A row whose foreign key will hold something else. */
export interface ChangedRow extends FoundRow {
  readonly edge: ForeignKeyEdge;
}

/** Foreign keys that we have to change: those of `edge` that hold one of `keys`. */
export interface HandledUpdate {
  readonly edge: ForeignKeyEdge;
  readonly keys: readonly (readonly unknown[])[];
}

/** Rows that are lost on one level, by each table that loses a part of them. */
type Level = Map<number, FoundRow[]>;

/** What a group of deletions takes along. */
export class DeletionPlan {
  readonly lost = new Map<string, LostRow>();
  readonly changed: ChangedRow[] = [];
  readonly updates: HandledUpdate[] = [];
  readonly links = new Map<string, ChangedLink>();

  /** Adds what these tables lose of a row to the level; what they have lost already leads nowhere new. */
  lose(found: FoundRow, tables: readonly EntityMetadata[], isHandled: boolean, level: number, rows: Level): void {
    const identity = identityOf(found.meta, found.id);
    const known = this.lost.get(identity);
    const lost = known ?? { ...found, tables: new Set<number>(), level, isHandled };
    lost.isHandled ||= isHandled;
    this.lost.set(identity, lost);
    for (const { _id: table } of tables) {
      if (lost.tables.has(table)) continue;
      lost.tables.add(table);
      const onLevel = rows.get(table);
      if (onLevel) onLevel.push(found);
      else rows.set(table, [found]);
    }
  }

  unlink(ends: LinkEnds, { row }: FoundRow): void {
    const link = { ends, owner: columnValues(row, ends.ownerProp), removed: columnValues(row, ends.targetProp) };
    this.links.set(JSON.stringify([ends.ownerTable._id, ends.collection.name, link.owner, link.removed]), link);
  }
}

/** Follows the foreign keys from the rows that are about to be deleted, level by level, until nothing new is found. */
export async function planDeletion(
  seeds: readonly FoundRow[],
  from: EntityMetadata,
  edges: EdgesByTarget,
  reader: RowReader,
): Promise<DeletionPlan> {
  const plan = new DeletionPlan();
  let rows: Level = new Map();
  for (const seed of seeds) plan.lose(seed, partsFrom(from, seed), false, 0, rows);
  for (let level = 1; rows.size > 0; level++) {
    const next: Level = new Map();
    for (const [table, lost] of rows) {
      for (const edge of edges.get(table) ?? []) await follow(edge, lost, level, { plan, reader, next });
    }
    rows = next;
  }
  return plan;
}

interface Walk {
  readonly plan: DeletionPlan;
  readonly reader: RowReader;
  readonly next: Level;
}

async function follow(
  edge: ForeignKeyEdge,
  lost: readonly FoundRow[],
  level: number,
  { plan, reader, next }: Walk,
): Promise<void> {
  const isDeleted = edge.onDelete === 'cascade';
  const found = await reader.referring(edge, lost, isDeleted ? 'delete' : 'update');
  if (!isDeleted) {
    for (const row of found) plan.changed.push({ ...row, edge });
    if (edge.handler && found.length > 0) plan.updates.push({ edge, keys: reader.keysOf(edge, lost) });
    return;
  }
  for (const row of found) {
    for (const ends of edge.links) plan.unlink(ends, row);
    plan.lose(row, lostParts(edge, row), edge.handler !== undefined, level, next);
  }
}

/** See `lostTables`: the database leaves the parts above its foreign key, a handler leaves none. */
function lostParts(edge: ForeignKeyEdge, row: FoundRow): EntityMetadata[] {
  return edge.handler ? tablesOf(row.meta) : partsFrom(edge.table, row);
}

/** The parts of a row in a table and in those of the classes below it. */
function partsFrom(table: EntityMetadata, { meta }: FoundRow): EntityMetadata[] {
  return tablesOf(meta).filter(part => hasPartIn(part, table));
}
