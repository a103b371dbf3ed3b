import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  Optional,
} from '@nestjs/common';
import { ModuleRef, Reflector } from '@nestjs/core';
import { finalize, type Observable } from 'rxjs';
import { frameInput } from './frame-input.js';
import { tellRequest } from './request-frame.js';
import { decoratedSources, frameValues, moduleSources, resolveValues, type Said } from './resolve-values.js';
import { ResolverInstances } from './resolver-instances.js';
import type { RevyModuleOptions } from './revy.module-options.js';
import { REVY_MODULE_OPTIONS } from './revy.tokens.js';
import { runInFrame } from './run-in-frame.js';
import { settle, type Steps } from './settle.js';
import { WithoutRevisionMark } from './without-revision.decorator.js';

const said = Symbol.for('revy.nestjs.said');

/** Nest hands one and the same execution context to all interceptors of a call. */
type CallContext = ExecutionContext & { [said]?: Said };

/**
 * Opens a frame around each handler, with the actor and the reasons of its call.
 *
 * Runs after the guards, so that they can find out who is calling. A second `RevyModule` makes a second interceptor:
 * it finds what was said already, and only adds what its own options say beyond that.
 */
@Injectable()
export class RevyInterceptor implements NestInterceptor {
  readonly #resolvers: ResolverInstances;

  constructor(
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(ModuleRef) modules: ModuleRef,
    @Optional() @Inject(REVY_MODULE_OPTIONS) private readonly options: RevyModuleOptions = {},
  ) {
    this.#resolvers = new ResolverInstances(modules);
  }

  /** Resolves before there is an Observable: a failure inside one would leave the request hanging. */
  async intercept(context: CallContext, next: CallHandler): Promise<Observable<unknown>> {
    const known = await settle(this.#resolve(context));
    context[said] = known;
    const frame = { values: frameValues(known), isDisabled: this.#isWithoutRevision(context) };
    tellRequest(context, frame);
    return runInFrame(frame, () => {
      const release = frameInput(context);
      return next.handle().pipe(finalize(release));
    });
  }

  *#resolve(context: CallContext): Steps<Said> {
    const asked = { context, instanceOf: (resolver: never) => this.#resolvers.get(resolver, context) };
    const decorated = context[said] ?? (yield* resolveValues(asked, decoratedSources(this.reflector, context), {}));
    return yield* resolveValues(asked, moduleSources(this.options), decorated);
  }

  #isWithoutRevision(context: ExecutionContext): boolean {
    return this.reflector.getAllAndOverride(WithoutRevisionMark, [context.getHandler(), context.getClass()]) === true;
  }
}
