import { type ObjectQuery, raw } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { HistoryService, ObjectDelta, type Page, type TrackedType, UnusableFilterError } from '@revy/mikro-orm';

/** Which of what is gone is listed. */
export interface DeletedQuestion {
  readonly type: string | undefined;
  readonly after: string | null;
  readonly limit: number;
}

/** The deletions that nothing has followed, newest first, with their revisions. One SELECT. */
export function deletedObjects(
  em: SqlEntityManager,
  types: readonly TrackedType[],
  { type, after, limit }: DeletedQuestion,
): Promise<Page<ObjectDelta>> {
  if (type !== undefined && !types.some(one => one.type === type)) {
    throw new UnusableFilterError('type', type, `one of ${types.map(one => one.type).join(', ')}`);
  }
  const where = { [raw(alias => `not ${isFollowed(em, alias)}`)]: [], ...(type !== undefined && { objectType: type }) };
  return new HistoryService(em).deltas({
    action: 'delete',
    where: where as ObjectQuery<ObjectDelta>,
    order: 'desc',
    limit,
    after,
  });
}

/** A later delta of the same object has made it again. */
function isFollowed(em: SqlEntityManager, alias: string): string {
  const { tableName, schema } = em.getMetadata().get(ObjectDelta);
  const quote = (name: string) => em.getPlatform().quoteIdentifier(name);
  const table = schema && schema !== '*' ? `${quote(schema)}.${quote(tableName)}` : quote(tableName);
  const isSame = `l.object_type = ${alias}.object_type and l.object_id = ${alias}.object_id`;
  return `exists (select 1 from ${table} l where ${isSame} and l.id > ${alias}.id)`;
}
