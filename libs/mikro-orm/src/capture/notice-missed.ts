import type { EntityMetadata } from '@mikro-orm/core';
import type { Row, Updated } from './missed-rows.js';
import { runningFlush } from './running-flush.js';

/** As much of an SQL driver of MikroORM 7.2 as the unit of work updates and deletes by. */
interface Driver {
  getMetadata(): { get(entity: never): EntityMetadata };
  nativeUpdate: Write;
  nativeUpdateMany: Write;
  nativeDelete: Write;
}

type Write = (entity: unknown, where: unknown, ...rest: unknown[]) => Promise<Updated>;

/** Looks at what the driver says of the rows that a flush has written. Other writes have payloads of their own. */
export function noticeMissedRows(driver: Driver): void {
  const { nativeUpdate, nativeUpdateMany, nativeDelete } = driver;
  const metaOf = (entity: unknown) => driver.getMetadata().get(entity as never);
  driver.nativeUpdate = async (...args) => {
    const result = await nativeUpdate.apply(driver, args);
    const payload = args[2] as Row;
    if (Object.keys(payload).length > 0) runningFlush()?.missed.updated(metaOf(args[0]), [payload], result);
    return result;
  };
  driver.nativeUpdateMany = async (...args) => {
    const result = await nativeUpdateMany.apply(driver, args);
    runningFlush()?.missed.updated(metaOf(args[0]), args[2] as Row[], result, args[1] as Row[]);
    return result;
  };
  driver.nativeDelete = async (...args) => {
    const result = await nativeDelete.apply(driver, args);
    const keys = keysIn(args[1]);
    if (keys !== undefined) runningFlush()?.missed.deleted(metaOf(args[0]).root, keys, result.affectedRows);
    return result;
  };
}

/** The unit of work deletes by `{ key: { $in: [...] } }` (ChangeSetPersister.js:70). */
function keysIn(where: unknown): number | undefined {
  const [condition] = typeof where === 'object' && where !== null ? (Object.values(where) as unknown[]) : [];
  const keys = (condition as { $in?: unknown } | undefined)?.$in;
  return Array.isArray(keys) ? keys.length : undefined;
}
