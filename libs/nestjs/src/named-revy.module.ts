import {
  type DynamicModule,
  Global,
  Inject,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  Optional,
} from '@nestjs/common';
import { RevyMiddleware } from './revy.middleware.js';
import type { RevyModuleOptions } from './revy.module-options.js';
import { revyProviders } from './revy.providers.js';
import { REVY_MODULE_OPTIONS } from './revy.tokens.js';

/** A `RevyModule` for an ORM with a name: a class of its own, because that of the module brings the ORM without one. */
@Global()
@Module({})
export class NamedRevyModule implements NestModule {
  constructor(@Optional() @Inject(REVY_MODULE_OPTIONS) private readonly options: RevyModuleOptions = {}) {}

  /** @param module what `RevyModule` would be, for its options */
  static of(contextName: string, { imports = [], providers = [] }: DynamicModule): DynamicModule {
    const own = revyProviders(contextName);
    return { module: this, imports, providers: [...providers, ...own.providers], exports: own.exports };
  }

  configure(consumer: MiddlewareConsumer): void {
    if (this.options.middleware) consumer.apply(RevyMiddleware).forRoutes('{*all}');
  }
}
