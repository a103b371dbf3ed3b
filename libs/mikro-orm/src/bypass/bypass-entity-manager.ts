import { type EntityManager, Utils } from '@mikro-orm/core';
import { isPast } from '../database/live-context.js';
import { type GuardedConnections, sqlText } from './guarded-connection.js';
import { guardKysely } from './guarded-kysely.js';
import { guardQueryBuilder } from './guarded-query-builder.js';
import type { NativeMethod } from './native-call.js';
import type { NativeWrites } from './native-writes.js';
import type { QueryGuard } from './query-guard.js';

type EntityManagerClass = abstract new (...args: never[]) => EntityManager;
type AnyMethod = (...args: unknown[]) => unknown;

/** What an ORM has to deal with writes past its unit of work. */
export interface Bypasses {
  readonly native: NativeWrites;
  readonly guard: QueryGuard;
  readonly connections: GuardedConnections;
}

/** Where each native call takes its data and its options. */
const NATIVE: Readonly<Record<NativeMethod, { readonly data?: number; readonly options: number }>> = {
  insert: { data: 1, options: 2 },
  insertMany: { data: 1, options: 2 },
  upsert: { data: 1, options: 2 },
  upsertMany: { data: 1, options: 2 },
  nativeUpdate: { data: 2, options: 3 },
  nativeDelete: { options: 2 },
  clone: { options: 3 },
};

/**
 * Extends an entity manager class by everything that writes past the unit of work. The methods are found by name,
 * because those of the SQL drivers (`createQueryBuilder`, `execute`, `getKysely`) are not the core's.
 */
export function withBypasses(base: EntityManagerClass, bypasses: Bypasses): EntityManagerClass {
  abstract class BypassEntityManager extends (base as abstract new (...args: never[]) => EntityManager) {}
  Object.defineProperty(BypassEntityManager, 'name', { value: base.name });
  const methods: Record<string, AnyMethod> = { ...nativeMethods(base, bypasses), ...guardedMethods(base, bypasses) };
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(BypassEntityManager.prototype, name, { value, writable: true, configurable: true });
  }
  return BypassEntityManager;
}

function nativeMethods(base: EntityManagerClass, { native }: Bypasses): Record<string, AnyMethod> {
  const methods: Record<string, AnyMethod> = {};
  for (const [method, places] of Object.entries(NATIVE) as [NativeMethod, (typeof NATIVE)[NativeMethod]][]) {
    const original = base.prototype[method] as AnyMethod;
    methods[method] = async function call(this: EntityManager, ...args: unknown[]) {
      if (readsPast(this)) return original.apply(this, args);
      const [target] = args;
      // em.clone(entity, overrides, options) has one argument less than em.clone(Class, where, overrides, options)
      const at = method === 'clone' && Utils.isEntity(target) ? 2 : places.options;
      const data = places.data === undefined ? undefined : args[places.data];
      const request = { em: this, method, target, data, options: args[at] as object | undefined };
      return native.run(request, async options => original.apply(this, withArgument(args, at, options)));
    };
  }
  return methods;
}

function transactionOf(em: EntityManager): object | undefined {
  return em.getTransactionContext() as object | undefined;
}

/** `snapshots.asOf()` refuses every write by itself, and says why. */
function readsPast(em: EntityManager): boolean {
  return isPast(em.getTransactionContext() as object | undefined);
}

function withArgument(args: readonly unknown[], at: number, value: unknown): unknown[] {
  const passed = [...args];
  passed[at] = value;
  return passed;
}

function guardedMethods(base: EntityManagerClass, { guard, connections }: Bypasses): Record<string, AnyMethod> {
  const inherited = base.prototype as unknown as Record<string, AnyMethod | undefined>;
  const methods: Record<string, AnyMethod> = {
    getConnection(this: EntityManager, ...args) {
      return connections.of(inherited['getConnection']!.apply(this, args) as object);
    },
    createQueryBuilder(this: EntityManager, ...args) {
      const builder = inherited['createQueryBuilder']!.apply(this, args);
      return readsPast(this) ? builder : guardQueryBuilder(builder, guard, transactionOf(this));
    },
    async execute(this: EntityManager, query, ...rest) {
      if (readsPast(this)) return inherited['execute']!.call(this, query, ...rest);
      await guard.onSql(sqlText(query), 'em.execute()', transactionOf(this));
      // MikroORM 7.2 takes the connection before it waits for anything (SqlEntityManager.js:71)
      return connections.without(() => inherited['execute']!.call(this, query, ...rest));
    },
    getKysely(this: EntityManager, ...args) {
      const kysely = inherited['getKysely']!.apply(this, args);
      return readsPast(this) ? kysely : guardKysely(kysely, guard, transactionOf(this));
    },
  };
  return Object.fromEntries(Object.entries(methods).filter(([name]) => inherited[name]));
}
