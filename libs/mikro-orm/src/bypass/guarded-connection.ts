import { isRaw } from '@mikro-orm/core';
import type { QueryGuard } from './query-guard.js';

type Execute = (query: unknown, ...rest: unknown[]) => Promise<unknown>;

/**
 * The connections that `em.getConnection()` hands out. The ORM's own statements take the driver's way, and are not
 * looked at. A proxy, because a connection keeps its state in `#private` fields: its methods run on the connection.
 */
export class GuardedConnections {
  readonly #proxies = new WeakMap<object, object>();
  #isOff = false;

  constructor(private readonly guard: QueryGuard) {}

  /** For what asks for its connection right away, and whose SQL has been looked at already. */
  without<Result>(work: () => Result): Result {
    this.#isOff = true;
    try {
      return work();
    } finally {
      this.#isOff = false;
    }
  }

  of<C extends object>(connection: C): C {
    if (this.#isOff) return connection;
    const known = this.#proxies.get(connection);
    if (known) return known as C;
    const proxy = new Proxy(connection, { get: (target, name) => this.#member(target, name) });
    this.#proxies.set(connection, proxy);
    return proxy;
  }

  #member(connection: object, name: string | symbol): unknown {
    const member: unknown = Reflect.get(connection, name, connection);
    if (typeof member !== 'function') return member;
    if (name !== 'execute') return member.bind(connection) as unknown;
    const execute: Execute = async (query, ...rest) => {
      const [, , transaction] = rest as [unknown, unknown, object | undefined];
      await this.guard.onSql(sqlText(query), 'em.getConnection().execute()', transaction);
      return (member as Execute).call(connection, query, ...rest);
    };
    return execute;
  }
}

/** The text of what `execute` takes: a string, a fragment made by `raw()`, or a native query builder. */
export function sqlText(query: unknown): string {
  if (typeof query === 'string') return query;
  if (isRaw(query)) return query.sql;
  const builder = query as { toRaw?: () => { sql: string } } | null;
  return typeof builder?.toRaw === 'function' ? builder.toRaw().sql : '';
}
