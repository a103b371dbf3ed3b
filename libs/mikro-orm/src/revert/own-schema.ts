import type { EntityManager } from '@mikro-orm/core';
import { statement } from '../database/statement.js';
import { query } from '../history/query.js';
import { quoted } from '../model/tables.js';
import { runtimeOf } from '../runtime.js';
import { splitType } from '../tracking/stored-type.js';
import { SeveralSchemasError } from './revert.errors.js';

/**
 * An entity manager that works in the schema of what revisions changed. One SELECT.
 *
 * @throws {SeveralSchemasError} if there are several
 */
export async function inOwnSchema(em: EntityManager, revisions: readonly number[]): Promise<EntityManager> {
  const { tables, entities } = runtimeOf(em);
  const select = statement(`
select distinct object_type as type from ${quoted(tables, 'objectDelta')} where revision_id = any($1::bigint[])
order by 1`);
  const rows = await query<{ type: string }>(em, select, [revisions]);
  // a class that has a schema of its own goes with any
  const tenants = rows.filter(({ type }) => entities.ofType(type)?.hasOwnSchema === false);
  const schemas = [...new Set(tenants.map(({ type }) => splitType(type).schema))];
  if (schemas.length > 1) throw new SeveralSchemasError(revisions, schemas);
  if (schemas.length === 0) return em;
  return em.fork({ keepTransactionContext: true, schema: schemas[0] ?? entities.defaultSchema });
}
