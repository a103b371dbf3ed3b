import type { Change } from '../capture/change.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { CascadeChanges } from './cascade-changes.js';
import { identityOf } from './found-row.js';
import { changedLinks, knownRows } from './link-changes.js';
import type { NewForeignKeys } from './new-foreign-keys.js';
import type { DeletionPlan, LostRow } from './plan-deletion.js';
import type { RowReader } from './rows.query.js';
import { tablesOf } from './tables.js';

/** What is recorded of a plan; nothing of the rows that the flush deletes by itself, which tells of them itself. */
export interface DeletionChanges {
  /**
   * Links of objects that go. They stand before the deletion, which stores them with what it found; an object that comes
   * back in the same transaction has none of them left.
   */
  readonly linksOfLost: Change[];
  readonly others: Change[];
}

/** How to record what is taken along; where nothing is recorded, handlers still do their work. */
export interface DeletionRecording {
  readonly changes: CascadeChanges;
  /** Whether the flush deletes a row by itself. */
  readonly isOwn: (identity: string) => boolean;
}

export async function deletionChanges(
  plan: DeletionPlan,
  values: NewForeignKeys,
  reader: RowReader,
  { changes, isOwn }: DeletionRecording,
): Promise<DeletionChanges> {
  const linksOfLost: Change[] = [];
  const others: (Change | undefined)[] = [];
  for (const [identity, { tracked, id, links }] of await changedLinks(
    plan.links.values(),
    knownRows(plan.lost),
    reader,
  )) {
    (plan.lost.has(identity) || isOwn(identity) ? linksOfLost : others).push(changes.links(tracked, id, links));
  }
  for (const { edge, ...found } of plan.changed) {
    const identity = identityOf(found.meta, found.id);
    if (plan.lost.has(identity) || isOwn(identity)) continue;
    const newKey = values.of(edge);
    others.push(changes.update(found, new Map(edge.columns.own.map((column, index) => [column, newKey[index]]))));
  }
  for (const [identity, row] of plan.lost) {
    if (row.level === 0 || isOwn(identity)) continue;
    const survivor = survivorOf(row, reader);
    others.push(changes.deletion(row), survivor && changes.remainder(survivor, row));
  }
  return { linksOfLost, others: others.filter(change => change !== undefined) };
}

/** In table-per-type inheritance a rule on a subclass's table leaves the row of the class above it. */
function survivorOf({ meta, tables }: LostRow, { entities }: RowReader): TrackedEntity | undefined {
  const left = tablesOf(meta).find(table => !tables.has(table._id));
  return left && !left.abstract ? entities.tracked(left.class) : undefined;
}
