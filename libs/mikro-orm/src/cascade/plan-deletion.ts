import type { EntityMetadata } from '@mikro-orm/core';
import type { ForeignKeyEdge } from './foreign-key-edge.js';
import { columnValues, type FoundRow, identityOf } from './found-row.js';
import type { ChangedLinks, LinkKey } from './link-changes.js';
import { inPlaces, type LinkEnds } from './pivot-links.js';
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

/** A link that goes; the plan names it once, whatever the number of ways to it. */
export interface PlannedLink extends ChangedLinks {
  readonly ends: LinkEnds;
  readonly removed: readonly [LinkKey];
}

/** Rows that refer to others through a foreign key, about to be deleted or to be unset as its `onDelete` says. */
export interface FollowedRows {
  readonly edge: ForeignKeyEdge;
  readonly rows: readonly FoundRow[];
}

/** Rows that are lost on one level, by each table that loses a part of them. */
type Level = Map<number, FoundRow[]>;

/** Where a walk stands: rows that are lost, and how far from the start what refers to them is. */
interface Front {
  readonly rows: Level;
  readonly level: number;
}

/** What a group of deletions takes along. */
export class DeletionPlan {
  readonly lost = new Map<string, LostRow>();
  readonly changed: ChangedRow[] = [];
  readonly updates: HandledUpdate[] = [];
  readonly links = new Map<string, PlannedLink>();

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
    const owner = columnValues(row, ends.ownerProp);
    const target = columnValues(row, ends.targetProp);
    const place = JSON.stringify([ends.ownerTable._id, ends.collection.name, owner, target]);
    this.links.set(place, { ends, owner, removed: [target], added: [] });
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
  const rows: Level = new Map();
  for (const seed of seeds) plan.lose(seed, partsFrom(from, seed), false, 0, rows);
  return followAll(plan, { rows, level: 1 }, edges, reader);
}

/** The same for rows that are not deleted by themselves, but as if a rule of the database had led to them. */
export async function planConsequences(
  followed: readonly FollowedRows[],
  edges: EdgesByTarget,
  reader: RowReader,
): Promise<DeletionPlan> {
  const plan = new DeletionPlan();
  const rows: Level = new Map();
  for (const one of followed) apply(one, 1, plan, rows);
  return followAll(plan, { rows, level: 2 }, edges, reader);
}

async function followAll(
  plan: DeletionPlan,
  start: Front,
  edges: EdgesByTarget,
  reader: RowReader,
): Promise<DeletionPlan> {
  for (let front = start; front.rows.size > 0;) {
    const next: Level = new Map();
    for (const [table, lost] of front.rows) {
      for (const edge of edges.get(table) ?? []) {
        const found = await reader.referring(edge, lost, edge.onDelete === 'cascade' ? 'delete' : 'update');
        if (edge.handler && edge.onDelete !== 'cascade' && found.length > 0) {
          plan.updates.push({ edge, keys: reader.keysOf(edge, lost) });
        }
        apply({ edge, rows: found }, front.level, plan, next);
      }
    }
    front = { rows: next, level: front.level + 1 };
  }
  return plan;
}

function apply({ edge, rows }: FollowedRows, level: number, plan: DeletionPlan, next: Level): void {
  if (edge.onDelete !== 'cascade') {
    for (const row of rows) plan.changed.push({ ...row, edge });
    return;
  }
  for (const row of inOrder(rows, edge)) {
    for (const ends of edge.links) plan.unlink(ends, row);
    plan.lose(row, lostParts(edge, row), edge.handler !== undefined, level, next);
  }
}

/** Links that have an order, in it: the key of their table is their place (core/metadata/MetadataDiscovery.js:953). */
function inOrder(rows: readonly FoundRow[], { links }: ForeignKeyEdge): readonly FoundRow[] {
  const { fixedOrder, fixedOrderColumn } = links[0]?.collection ?? {};
  if (!fixedOrder || !fixedOrderColumn) return rows;
  return inPlaces(rows, ({ row }) => row[fixedOrderColumn]);
}

/** See `lostTables`: the database leaves the parts above its foreign key, a handler leaves none. */
function lostParts(edge: ForeignKeyEdge, row: FoundRow): EntityMetadata[] {
  return edge.handler ? tablesOf(row.meta) : partsFrom(edge.table, row);
}

/** The parts of a row in a table and in those of the classes below it. */
function partsFrom(table: EntityMetadata, { meta }: FoundRow): EntityMetadata[] {
  return tablesOf(meta).filter(part => hasPartIn(part, table));
}
