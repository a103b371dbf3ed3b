import type { Dictionary, EntityMetadata, MetadataStorage, Platform } from '@mikro-orm/core';

/** What the ORM calls a transaction's context; its own type is `any`. */
export type TransactionContext = object;

/** What native calls of an SQL driver return. */
export interface NativeResult {
  affectedRows: number;
  readonly insertId?: unknown;
  /** The first returned row, by column name. */
  readonly row?: Dictionary;
  readonly rows?: readonly Dictionary[];
}

/** Options as they reach the driver: those of the user, with the transaction and the rest filled in. */
export interface NativeOptions {
  ctx?: TransactionContext;
  schema?: string;
  convertCustomTypes?: boolean;
  loggerContext?: Dictionary;
  unionWhere?: unknown;
  upsert?: boolean;
  onConflictFields?: unknown;
  onConflictAction?: 'ignore' | 'merge';
  onConflictMergeFields?: readonly unknown[];
  onConflictExcludeFields?: readonly string[];
  signal?: AbortSignal;
  inflightQueryAbortStrategy?: string;
}

/** As much of MikroORM's query builder as is needed. */
export interface SqlBuilder {
  readonly alias: string;
  readonly state: { readonly tptAlias: Readonly<Record<string, string>> };
  withSchema(schema: string | undefined): this;
  select(fields: readonly unknown[]): this;
  where(condition: unknown): this;
  delete(condition: unknown): this;
  toQuery(): { sql: string; params: readonly unknown[] };
}

/** MikroORM 7.2's SQL driver, with the protected methods that its own native calls are made of. */
export interface SqlDriver {
  getPlatform(): Platform;
  getMetadata(): MetadataStorage;
  getConnection(type: 'write'): {
    execute<Result>(
      sql: string,
      params: readonly unknown[],
      method: 'all' | 'run',
      ctx: TransactionContext | undefined,
      loggerContext: Dictionary | undefined,
    ): Promise<Result>;
  };
  createQueryBuilder(
    entity: unknown,
    ctx: TransactionContext | undefined,
    connection: 'write',
    convertCustomTypes: boolean,
    loggerContext: Dictionary | undefined,
  ): SqlBuilder;
  getSchemaName(meta: EntityMetadata, options: NativeOptions): string | undefined;
  getTableName(meta: EntityMetadata, options: NativeOptions): string;
  mapResult(row: Dictionary, meta: EntityMetadata, populate: [], builder: SqlBuilder): Dictionary;
  rethrow<Result>(query: Promise<Result>): Promise<Result>;
  applyUnionWhere(meta: EntityMetadata, where: unknown, options: NativeOptions, forWrite: boolean): Promise<unknown>;
}
