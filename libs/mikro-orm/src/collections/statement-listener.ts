import { AsyncLocalStorage } from 'node:async_hooks';
import type { Dictionary, EntityMetadata, QueryResult } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/sql';
import { returning } from './returned-columns.js';

/** Rows that one statement inserted, updated or deleted, by column name, as the database tells them. */
export interface Written {
  readonly meta: EntityMetadata;
  readonly action: 'insert' | 'update' | 'delete';
  readonly rows: readonly Dictionary[];
  /** Whether rows that were there already are not among these. */
  readonly isConditional: boolean;
  /** The schema that the statement was made for. */
  readonly schema: string | undefined;
}

/** A statement that has not run yet. */
export interface Statement {
  readonly sql: string;
  readonly params: readonly unknown[];
  readonly schema: string | undefined;
}

/** Hears of the statements that the driver writes rows with. */
export interface WriteListener {
  listensTo(meta: EntityMetadata): boolean;
  beforeDelete(meta: EntityMetadata, statement: Statement): Promise<void>;
  hear(written: Written): void;
}

interface Heard {
  readonly listener: WriteListener;
  readonly meta: EntityMetadata;
}

type Driver = Pick<
  AbstractSqlDriver,
  'createQueryBuilder' | 'nativeInsertMany' | 'getMetadata' | 'getPlatform' | 'getSchemaName'
>;

/** MikroORM's query builder, as much of it as its driver's own writes use. */
interface Builder {
  readonly type: string;
  toQuery(): { readonly sql: string; readonly params: readonly unknown[] };
  withSchema(schema?: string): unknown;
  execute(...args: unknown[]): Promise<QueryResult<Dictionary>>;
}

/**
 * Lets the database say which rows the driver's own statements write: a `returning` clause is added to them while
 * somebody listens. One for each ORM. It costs no statement, and is exact whatever others do meanwhile.
 */
export class StatementListener {
  readonly #listeners = new AsyncLocalStorage<{ readonly listener: WriteListener; readonly transaction: unknown }>();

  constructor(private readonly driver: Driver) {
    const { createQueryBuilder: create, nativeInsertMany: insert } = driver;
    const audible = (builder: unknown, heard: Heard | undefined) =>
      heard ? this.#audible(builder as Builder, heard) : builder;
    const heardAt = (entity: unknown, ctx: unknown) => this.#heard(entity, ctx);
    // called on what is made of the driver, too
    driver.createQueryBuilder = function (this: Driver, ...args: Parameters<typeof create>) {
      return audible(create.apply(this as never, args), heardAt(args[0], args[1]));
    } as typeof create;
    driver.nativeInsertMany = (async (...args: Parameters<typeof insert>) => {
      const [name, data, options, transform] = args;
      const heard = this.#heard(name, options?.ctx);
      if (!heard) return insert.apply(driver as never, args);
      const made = await insert.call(driver as never, name, data, options, sql =>
        this.#returning(transform?.(sql) ?? sql, heard.meta),
      );
      heard.listener.hear({
        meta: heard.meta,
        action: 'insert',
        rows: made.rows ?? [],
        isConditional: false,
        schema: this.#schemaOf(heard.meta, options?.schema),
      });
      return made;
    }) as typeof insert;
  }

  /** Tells `listener` of every statement that `work` makes in a transaction. */
  async during<Result>(transaction: unknown, listener: WriteListener, work: () => Promise<Result>): Promise<Result> {
    return this.#listeners.run({ listener, transaction }, work);
  }

  #heard(entity: unknown, ctx: unknown): Heard | undefined {
    const { listener, transaction } = this.#listeners.getStore() ?? {};
    if (!listener || transaction !== ctx) return undefined;
    const meta = this.driver.getMetadata().find(entity as never) as EntityMetadata | undefined;
    return meta && listener.listensTo(meta) ? { listener, meta } : undefined;
  }

  #audible(builder: Builder, { listener, meta }: Heard): Builder {
    const execute = builder.execute.bind(builder);
    const toQuery = builder.toQuery.bind(builder);
    const withSchema = builder.withSchema.bind(builder);
    let schema: string | undefined;
    builder.withSchema = name => {
      schema = name;
      return withSchema(name);
    };
    builder.execute = async (...args) => {
      const action = builder.type.toLowerCase() as Written['action'];
      if (action === 'delete')
        await listener.beforeDelete(meta, { ...toQuery(), schema: this.#schemaOf(meta, schema) });
      builder.toQuery = () => ({ ...toQuery(), sql: this.#returning(toQuery().sql, meta) });
      const result = await execute(...args);
      // rows are inserted by a builder only where there may be conflicts
      listener.hear({
        meta,
        action,
        rows: result.rows ?? [],
        isConditional: action === 'insert',
        schema: this.#schemaOf(meta, schema),
      });
      return result;
    };
    return builder;
  }

  /** MikroORM 7.2 names the database's default schema in some statements of a call, and leaves it out in others. */
  #schemaOf(meta: EntityMetadata, schema: string | undefined): string | undefined {
    const [named, byDefault] = [this.driver.getSchemaName(meta, { schema }), this.driver.getSchemaName(meta, {})];
    return named === (byDefault ?? this.driver.getPlatform().getDefaultSchemaName()) ? byDefault : named;
  }

  #returning(sql: string, meta: EntityMetadata): string {
    return returning(sql, meta, this.driver.getPlatform());
  }
}
