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
}

/** A statement that has not run yet. */
export interface Statement {
  readonly sql: string;
  readonly params: readonly unknown[];
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

type Driver = Pick<AbstractSqlDriver, 'createQueryBuilder' | 'nativeInsertMany' | 'getMetadata' | 'getPlatform'>;

/** MikroORM's query builder, as much of it as its driver's own writes use. */
interface Builder {
  readonly type: string;
  toQuery(): Statement;
  execute(...args: unknown[]): Promise<QueryResult<Dictionary>>;
}

/**
 * Lets the database say which rows the driver's own statements write: a `returning` clause is added to them while
 * somebody listens. One for each ORM. It costs no statement, and is exact whatever others do meanwhile.
 */
export class StatementListener {
  readonly #listeners = new AsyncLocalStorage<{ readonly listener: WriteListener; readonly transaction: unknown }>();

  constructor(private readonly driver: Driver) {
    const create = driver.createQueryBuilder.bind(driver);
    driver.createQueryBuilder = ((...args: Parameters<typeof create>) => {
      const builder = create(...args);
      const heard = this.#heard(args[0], args[1]);
      return heard ? this.#audible(builder as unknown as Builder, heard) : builder;
    }) as typeof create;
    const insert = driver.nativeInsertMany.bind(driver);
    driver.nativeInsertMany = (async (...args: Parameters<typeof insert>) => {
      const [name, data, options, transform] = args;
      const heard = this.#heard(name, options?.ctx);
      if (!heard) return insert(...args);
      const made = await insert(name, data, options, sql => this.#returning(transform?.(sql) ?? sql, heard.meta));
      heard.listener.hear({ meta: heard.meta, action: 'insert', rows: made.rows ?? [], isConditional: false });
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
    builder.execute = async (...args) => {
      const action = builder.type.toLowerCase() as Written['action'];
      if (action === 'delete') await listener.beforeDelete(meta, toQuery());
      builder.toQuery = () => ({ ...toQuery(), sql: this.#returning(toQuery().sql, meta) });
      const result = await execute(...args);
      // rows are inserted by a builder only where there may be conflicts
      listener.hear({ meta, action, rows: result.rows ?? [], isConditional: action === 'insert' });
      return result;
    };
    return builder;
  }

  #returning(sql: string, meta: EntityMetadata): string {
    return returning(sql, meta, this.driver.getPlatform());
  }
}
