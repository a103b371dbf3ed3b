import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  Optional,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Observable } from 'rxjs';
import { decoratedSources, frameValues, moduleSources, resolveValues, type Said } from './resolve-values.js';
import type { RevyModuleOptions } from './revy.module-options.js';
import { REVY_MODULE_OPTIONS } from './revy.tokens.js';
import { runInFrame } from './run-in-frame.js';
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
  constructor(
    @Inject(Reflector) private readonly reflector: Reflector,
    @Optional() @Inject(REVY_MODULE_OPTIONS) private readonly options: RevyModuleOptions = {},
  ) {}

  /** Resolves before there is an Observable: a failure inside one would leave the request hanging. */
  async intercept(context: CallContext, next: CallHandler): Promise<Observable<unknown>> {
    const decorated = context[said] ?? (await resolveValues(context, decoratedSources(this.reflector, context), {}));
    const values = await resolveValues(context, moduleSources(this.options), decorated);
    context[said] = values;
    return runInFrame({ values: frameValues(values), isDisabled: this.isWithoutRevision(context) }, () =>
      next.handle(),
    );
  }

  private isWithoutRevision(context: ExecutionContext): boolean {
    return this.reflector.getAllAndOverride(WithoutRevisionMark, [context.getHandler(), context.getClass()]) === true;
  }
}
