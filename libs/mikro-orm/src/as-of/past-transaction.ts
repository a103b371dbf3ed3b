import { notePast } from '../database/live-context.js';
import type { CompiledQuery, Connection, QueryResult } from '../database/statement.js';
import { AsOfEndedError, AsOfWriteError } from './as-of.errors.js';

/** What Kysely, which MikroORM brings along, runs its queries with; as much of it as is needed. */
interface Executor {
  readonly adapter: unknown;
  readonly plugins: unknown;
  transformQuery(...args: unknown[]): unknown;
  compileQuery(...args: unknown[]): unknown;
  provideConnection<T>(use: (connection: Connection) => Promise<T>, options?: unknown): Promise<T>;
  executeQuery(query: CompiledQuery, options?: unknown): Promise<QueryResult>;
  stream(query: CompiledQuery, chunkSize: number, options?: unknown): AsyncIterable<QueryResult>;
  withConnectionProvider(provider: unknown): Executor;
  withPlugin(plugin: unknown): Executor;
  withPlugins(plugins: unknown): Executor;
  withPluginAtFront(plugin: unknown): Executor;
  withoutPlugins(): Executor;
}

/** A transaction of Kysely. */
interface Transaction {
  getExecutor(): Executor;
  savepoint(name: string): unknown;
  withPlugin(plugin: unknown): Transaction;
}

/** What becomes of the statements of a past transaction, until it ends. */
export interface PastReading {
  /** @throws {RevyError} if the statement does not read */
  past(query: CompiledQuery): CompiledQuery;
  /** For a cursor, which takes text only. */
  pastText(query: CompiledQuery): CompiledQuery;
  hasEnded: boolean;
}

/**
 * The same transaction once more, on the same connection, whose statements read the past: those of the ORM, of query
 * builders, of Kysely and of whoever else is given it. The transaction itself goes on reading the present.
 *
 * Kysely 0.29 makes each of its objects with the executor of the one that it comes from (kysely.js:846), and
 * `withPlugin` is what makes a transaction with an executor that we choose.
 */
export function pastTransaction<T extends object>(transaction: T, reading: PastReading): T {
  const present = transaction as unknown as Transaction;
  const executor = present.getExecutor();
  const withPlugin = () => new PastExecutor(executor, reading);
  Object.defineProperty(executor, 'withPlugin', { value: withPlugin, configurable: true });
  try {
    const past = present.withPlugin(undefined);
    const savepoint = past.savepoint.bind(past);
    const whileOpen = (name: string) => {
      requireOpen(reading);
      return savepoint(name);
    };
    // a transaction of Kysely does not know of the end of another one on its connection
    Object.defineProperty(past, 'savepoint', { value: whileOpen });
    notePast(past, transaction);
    return past as unknown as T;
  } finally {
    Reflect.deleteProperty(executor, 'withPlugin');
  }
}

class PastExecutor implements Executor {
  constructor(
    private readonly present: Executor,
    private readonly reading: PastReading,
  ) {}

  get adapter(): unknown {
    return this.present.adapter;
  }

  get plugins(): unknown {
    return this.present.plugins;
  }

  transformQuery(...args: unknown[]): unknown {
    return this.present.transformQuery(...args);
  }

  compileQuery(...args: unknown[]): unknown {
    return this.present.compileQuery(...args);
  }

  /** Statements that do not come through this executor: our own, which read the history, and savepoints. */
  async provideConnection<T>(use: (connection: Connection) => Promise<T>, options?: unknown): Promise<T> {
    requireOpen(this.reading);
    return this.present.provideConnection(use, options);
  }

  async executeQuery(query: CompiledQuery, options?: unknown): Promise<QueryResult> {
    try {
      requireOpen(this.reading);
      return await this.present.executeQuery({ ...query, ...this.reading.past(query) }, options);
    } catch (error) {
      throw explained(error);
    }
  }

  async *stream(query: CompiledQuery, chunkSize: number, options?: unknown): AsyncIterable<QueryResult> {
    try {
      requireOpen(this.reading);
      yield* this.present.stream({ ...query, ...this.reading.pastText(query) }, chunkSize, options);
    } catch (error) {
      throw explained(error);
    }
  }

  withConnectionProvider(provider: unknown): Executor {
    return new PastExecutor(this.present.withConnectionProvider(provider), this.reading);
  }

  withPlugin(plugin: unknown): Executor {
    return new PastExecutor(this.present.withPlugin(plugin), this.reading);
  }

  withPlugins(plugins: unknown): Executor {
    return new PastExecutor(this.present.withPlugins(plugins), this.reading);
  }

  withPluginAtFront(plugin: unknown): Executor {
    return new PastExecutor(this.present.withPluginAtFront(plugin), this.reading);
  }

  withoutPlugins(): Executor {
    return new PastExecutor(this.present.withoutPlugins(), this.reading);
  }
}

function requireOpen({ hasEnded }: PastReading): void {
  if (hasEnded) throw new AsOfEndedError();
}

/** What the database refuses because the transaction only reads; its message begins with what it was asked to run. */
function explained(error: unknown): unknown {
  const { code, message } = error as { code?: string; message?: string };
  if (code !== '25006') return error;
  return new AsOfWriteError(/cannot execute (.+) in a read-only/.exec(message ?? '')?.[1] ?? 'a write');
}
