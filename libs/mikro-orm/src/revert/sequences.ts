import type { EntityManager } from '@mikro-orm/core';
import { statement } from '../database/statement.js';
import { query } from '../history/query.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { PlannedDrafts } from './planned-draft.js';

/**
 * Moves the sequences behind generated keys past the objects that came back, where a restored database has left them
 * behind: the next object would get a key that is taken. One SELECT for each class of which objects came back.
 */
export async function moveSequences(em: EntityManager, drafts: PlannedDrafts): Promise<void> {
  const created = drafts.all.filter(draft => !draft.present && draft.willExist);
  for (const [tracked, ofClass] of Map.groupBy(created, draft => draft.tracked)) {
    const column = generatedColumn(tracked, em.schema);
    if (!column) continue;
    const highest = ofClass.reduce((max, { objectId }) => (BigInt(objectId) > max ? BigInt(objectId) : max), 0n);
    await query(em, MOVE, [column.table, column.name, String(highest)]);
  }
}

/** `is_called` tells whether a sequence has given its last value away; a new one has not. */
const MOVE = statement(`
select setval(sequence, $3::bigint)
from (select pg_get_serial_sequence($1::text, $2::text)::regclass as sequence) s
where sequence is not null and coalesce(pg_sequence_last_value(sequence), 0) < $3::bigint`);

function generatedColumn(
  { meta, hasOwnSchema }: TrackedEntity,
  tenant: string | undefined,
): { readonly table: string; readonly name: string } | undefined {
  const [key, ...others] = meta.root.getPrimaryProps();
  if (!key?.autoincrement || others.length > 0) return undefined;
  const { tableName } = meta.root;
  const schema = hasOwnSchema ? meta.root.schema : tenant;
  const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;
  const table = schema ? `${quote(schema)}.${quote(tableName)}` : quote(tableName);
  return { table, name: key.fieldNames[0]! };
}
