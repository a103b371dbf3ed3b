import type { ForeignKeyEdge } from './foreign-key-edge.js';
import type { LostRow } from './plan-deletion.js';

/**
 * In which steps rows are deleted, so that none is referred to any more by the next. The rows of one table go in one
 * step, also where they refer to each other in a circle; only among tables that refer to each other in a circle,
 * level by level. A circle of rows across tables needs a constraint that is deferred.
 */
export class DeletionOrder {
  /** By the `_id` of the root table: groups of tables that lead to each other, those that nothing else leads on from first. */
  readonly #places = new Map<number, { readonly group: number; readonly isCircle: boolean }>();

  constructor(edges: readonly ForeignKeyEdge[]) {
    const referring = new Map<number, Set<number>>();
    for (const { target, table, onDelete } of edges) {
      if (onDelete !== 'cascade') continue;
      const tables = referring.get(target.root._id) ?? new Set();
      referring.set(target.root._id, tables.add(table.root._id));
    }
    for (const [group, tables] of stronglyConnected(referring).entries()) {
      for (const table of tables) this.#places.set(table, { group, isCircle: tables.length > 1 });
    }
  }

  steps(rows: readonly LostRow[]): LostRow[][] {
    const steps = new Map<string, { readonly place: readonly [number, number]; readonly rows: LostRow[] }>();
    for (const row of rows) {
      const { root } = row.meta;
      const { group, isCircle } = this.#places.get(root._id) ?? { group: -1, isCircle: false };
      const place = [group, isCircle ? -row.level : 0] as const;
      const name = `${place.join(' ')} ${root._id}`;
      const step = steps.get(name);
      if (step) step.rows.push(row);
      else steps.set(name, { place, rows: [row] });
    }
    const ordered = [...steps.values()].toSorted((a, b) => a.place[0] - b.place[0] || a.place[1] - b.place[1]);
    return ordered.map(step => step.rows);
  }
}

/** Tarjan's algorithm; it finds a group after all groups that can be reached from it. */
function stronglyConnected<Node>(next: ReadonlyMap<Node, ReadonlySet<Node>>): Node[][] {
  const indices = new Map<Node, number>();
  const lowest = new Map<Node, number>();
  const open: Node[] = [];
  const groups: Node[][] = [];
  const visit = (node: Node): number => {
    const index = indices.size;
    indices.set(node, index);
    lowest.set(node, index);
    open.push(node);
    for (const other of next.get(node) ?? []) {
      const reached = indices.has(other) ? (open.includes(other) ? indices.get(other)! : index) : visit(other);
      lowest.set(node, Math.min(lowest.get(node)!, reached));
    }
    if (lowest.get(node) === index) groups.push(open.splice(open.indexOf(node)));
    return lowest.get(node)!;
  };
  for (const node of next.keys()) if (!indices.has(node)) visit(node);
  return groups;
}
