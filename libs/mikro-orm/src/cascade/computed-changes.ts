import type { Change } from '../capture/change.js';
import type { CascadeChanges } from './cascade-changes.js';
import { type FoundRow, identityOf } from './found-row.js';
import { rememberComputed } from './memory-update.js';
import type { RowReader } from './rows.query.js';

/**
 * What the database computes from foreign keys that it has changed: asked once it has, of the rows as they were read
 * before. One query for each class that has such columns, and none for others.
 */
export async function computedChanges(
  rows: readonly FoundRow[],
  reader: RowReader,
  changes: CascadeChanges,
): Promise<Change[]> {
  const before = new Map(rows.map(row => [identityOf(row.meta, row.id), row]));
  const computed: Change[] = [];
  for (const row of await reader.again([...before.values()])) {
    const change = changes.computed(before.get(identityOf(row.meta, row.id))!, row);
    if (change) computed.push(change);
    rememberComputed(row, reader);
  }
  return computed;
}
