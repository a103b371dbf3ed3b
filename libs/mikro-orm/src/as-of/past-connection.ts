import type { Dictionary } from '@mikro-orm/core';
import { AsOfEndedError } from './as-of.errors.js';

type Method = (...args: unknown[]) => unknown;

/** Places of the transaction among the arguments of the methods of MikroORM's connection. */
const PLACES = { execute: 3, stream: 2 } as const;

/**
 * A connection that runs statements in `ctx`, or in the transaction that it is given, and begins none but in these.
 * Without any it refuses: it would read the present.
 */
export function pastConnection(connection: object, ctx: object | undefined): object {
  const present = connection as Record<string, Method>;
  const required = (given: unknown) => {
    const context = given ?? ctx;
    if (!context) throw new AsOfEndedError();
    return context;
  };
  const inContext = (options: Dictionary = {}) => ({ ...options, ctx: required(options['ctx']) });
  const methods: Record<string, Method> = {
    begin: options => present['begin']!.call(connection, inContext(options as Dictionary)),
    transactional: (work, options) =>
      present['transactional']!.call(connection, work, inContext(options as Dictionary)),
  };
  for (const [name, place] of Object.entries(PLACES)) {
    methods[name] = (...args) => {
      const passed = [...args];
      passed[place] = required(args[place]);
      return present[name]!.apply(connection, passed);
    };
  }
  return new Proxy(connection, {
    get(target, name) {
      if (typeof name === 'string' && Object.hasOwn(methods, name)) return methods[name];
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}
