import type { EntityManager } from '@mikro-orm/core';
import { runtimeOf } from '../runtime.js';
import { splitType } from '../tracking/stored-type.js';
import { SeveralSchemasError } from './revert.errors.js';
import type { DeltaOf } from './selection.js';

/**
 * An entity manager that works in the schema of what revisions changed.
 *
 * @throws {SeveralSchemasError} if there are several
 */
export function inOwnSchema(
  em: EntityManager,
  revisions: readonly number[],
  deltas: readonly DeltaOf[],
): EntityManager {
  const { entities } = runtimeOf(em);
  const types = [...new Set(deltas.map(({ type }) => type))].toSorted();
  // a class that has a schema of its own goes with any
  const tenants = types.filter(type => entities.ofType(type)?.hasOwnSchema === false);
  const schemas = [...new Set(tenants.map(type => splitType(type).schema))];
  if (schemas.length > 1) throw new SeveralSchemasError(revisions, schemas);
  if (schemas.length === 0) return em;
  return em.fork({ keepTransactionContext: true, schema: schemas[0] ?? entities.defaultSchema });
}
