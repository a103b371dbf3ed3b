import type { EntityManager } from '@mikro-orm/core';
import type { AbstractSqlConnection } from '@mikro-orm/sql';
import { createHash } from 'node:crypto';

/** A statement of our own, prepared once for each connection: planning it would often cost more than running it. */
export interface Statement {
  /** Name of the prepared statement; another text has another name. Empty for one that is not prepared. */
  readonly name: string;
  readonly text: string;
}

export function statement(text: string): Statement {
  return { name: `revy_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`, text: text.trim() };
}

/** A statement that is planned each time: what it does takes longer than that, or needs a fresh look at the tables. */
export function unnamed(text: string): Statement {
  return { name: '', text: text.trim() };
}

/** What Kysely, which MikroORM brings along, calls a compiled query; as much of it as is needed. */
export interface CompiledQuery {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

export interface QueryResult {
  readonly rows: unknown[];
}

/** Kysely's connection. */
export interface Connection {
  executeQuery(query: CompiledQuery): Promise<QueryResult>;
}

/** Kysely itself, or a transaction of it. */
export interface Client {
  getExecutor(): { provideConnection<T>(use: (connection: Connection) => Promise<T>): Promise<T> };
}

/** Lends out the connection of a transaction, or any connection of the pool. */
export function withConnection<T>(client: Client, use: (connection: Connection) => Promise<T>): Promise<T> {
  return client.getExecutor().provideConnection(use);
}

/** What `em` sends its queries to: the transaction around it, else the pool of one of its connections. */
export async function clientOf(em: EntityManager, type: 'read' | 'write' = 'read'): Promise<Client> {
  const transaction = em.getTransactionContext() as Client | undefined;
  if (transaction) return transaction;
  const connection = em.getConnection(type) as unknown as AbstractSqlConnection;
  await connection.ensureConnection();
  return connection.getClient<unknown>() as unknown as Client;
}

/** Whether this is a connection of `pg`, which takes named statements and query objects in place of text. */
export function isWireConnection(connection: Connection): boolean {
  return connection.constructor.name === 'PostgresConnection';
}

/** Kysely 0.29 passes `sql` on to `pg`'s client.query() as it is (dialect/postgres/postgres-driver.js:113). */
export function execute(
  connection: Connection,
  { name, text }: Statement,
  parameters: readonly unknown[],
): Promise<QueryResult> {
  return connection.executeQuery(compiledQuery(isWireConnection(connection) ? { name, text } : text, parameters));
}

export function compiledQuery(sql: unknown, parameters: readonly unknown[]): CompiledQuery {
  return { sql: sql as string, parameters };
}
