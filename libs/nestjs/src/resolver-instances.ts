import { type ExecutionContext, Scope, type Type } from '@nestjs/common';
import { type ContextId, ContextIdFactory, type ModuleRef } from '@nestjs/core';
import { calledBy } from './called-by.js';
import type { RevisionResolver } from './revy.module-options.js';

type ResolverClass = Type<RevisionResolver<unknown>>;

/** The instances of classes that resolve: the application's providers, or made here where none of its modules has one. */
export class ResolverInstances {
  readonly #ids = new WeakMap<object, ContextId>();
  readonly #made = new Map<ResolverClass, Promise<unknown>>();

  constructor(private readonly modules: ModuleRef) {}

  get(resolver: ResolverClass, context: ExecutionContext): unknown {
    const scope = this.#scopeOf(resolver);
    if (scope === undefined) return this.#make(resolver);
    if (scope === Scope.DEFAULT) return this.modules.get(resolver, { strict: false });
    return this.modules.resolve(resolver, this.#idOf(calledBy(context)), { strict: false });
  }

  #scopeOf(resolver: ResolverClass): Scope | undefined {
    try {
      return this.modules.introspect(resolver).scope;
    } catch {
      return undefined; // no module provides it; there is no way to ask
    }
  }

  /** Once, unless that fails: then the next call tries again. */
  #make(resolver: ResolverClass): Promise<unknown> {
    const known = this.#made.get(resolver);
    if (known) return known;
    const made = this.modules.create(resolver);
    this.#made.set(resolver, made);
    made.catch(() => this.#made.delete(resolver));
    return made;
  }

  /** Nest keeps the id of a request's providers with the request, once it has made one of them. */
  #idOf(request: object | undefined): ContextId {
    if (!request) return ContextIdFactory.create();
    const known = this.#ids.get(request);
    if (known) return known;
    const id = ContextIdFactory.getByRequest(request);
    this.#ids.set(request, id);
    const isKept = ContextIdFactory.getByRequest(request) === id;
    if (!isKept) this.modules.registerRequestByContextId(request, id);
    return id;
  }
}
