import type { Dictionary } from '@mikro-orm/core';
import type { FlushStatement, GoneRows } from '../capture/gone-rows.js';
import type { NativeOptions, NativeResult, SqlDriver } from './sql-driver.js';

/** A call of the driver that no entity manager's native call has led to: one of the unit of work, or a user's own. */
export interface DriverCall {
  readonly driver: SqlDriver;
  readonly method: string;
  readonly entity: unknown;
  readonly where: unknown;
  readonly data: unknown;
  readonly options: NativeOptions;
}

/** Makes the call as it is, and notes which of the rows that a flush writes are gone. */
export async function watchFlush(
  call: DriverCall,
  gone: GoneRows,
  proceed: () => Promise<NativeResult>,
): Promise<NativeResult> {
  const { driver, method, entity, where, data, options } = call;
  const meta = driver.getMetadata().get(entity as never);
  if (method === 'nativeDelete') {
    const statement: FlushStatement = { meta, ctx: options.ctx, schema: driver.getSchemaName(meta, options) };
    return gone.delete(statement, where, proceed, () => deleteReturning(call, statement));
  }
  const result = await proceed();
  if (options.upsert) return result;
  if (method === 'nativeUpdate') gone.updated(data as object, result);
  if (method === 'nativeUpdateMany') gone.updatedMany(meta, where as Dictionary[], data as Dictionary[], result);
  return result;
}

/** What the driver does (AbstractSqlDriver.js:1183 of 7.2.1), and its builder cannot: with the keys of what was there. */
async function deleteReturning(
  { driver, where, options }: DriverCall,
  { meta, schema }: FlushStatement,
): Promise<NativeResult> {
  const { ctx, loggerContext, signal, inflightQueryAbortStrategy } = options;
  const builder = driver.createQueryBuilder(meta.class, ctx, 'write', false, loggerContext);
  const { sql, params } = builder.delete(where).withSchema(schema).toQuery();
  const columns = meta.getPrimaryProps().flatMap(prop => prop.fieldNames);
  const text = `${sql} returning ${columns.map(name => driver.getPlatform().quoteIdentifier(name)).join(', ')}`;
  const context = { ...loggerContext, ...(signal && { signal, inflightQueryAbortStrategy }) };
  return driver.rethrow(driver.getConnection('write').execute<NativeResult>(text, params, 'run', ctx, context));
}
