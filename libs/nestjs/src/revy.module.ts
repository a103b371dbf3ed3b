import {
  ConfigurableModuleBuilder,
  type DynamicModule,
  Global,
  Inject,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  Optional,
} from '@nestjs/common';
import { NamedRevyModule } from './named-revy.module.js';
import { RevyMiddleware } from './revy.middleware.js';
import type { RevyModuleAsyncOptions, RevyModuleOptions } from './revy.module-options.js';
import { revyProviders } from './revy.providers.js';
import { REVY_MODULE_OPTIONS } from './revy.tokens.js';

const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<RevyModuleOptions>({
  optionsInjectionToken: REVY_MODULE_OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createRevyOptions')
  .build();

/**
 * Records every change of a Nest application, with the actor and the reason of the call that made it.
 *
 * Import it once, beside `MikroOrmModule`. It switches tracking on for the application's ORM, unless the configuration
 * lists `revy()` in its "extensions" already; opens a revision context around each handler, after the guards; and
 * provides `SnapshotService`, `HistoryService`, `RevertService` and `RevyHealthIndicator` to every module.
 */
@Global()
@Module(revyProviders())
export class RevyModule extends ConfigurableModuleClass implements NestModule {
  constructor(@Optional() @Inject(REVY_MODULE_OPTIONS) private readonly options: RevyModuleOptions = {}) {
    super();
  }

  /**
   * The module with its options at hand. A second `forRoot` adds what its options say beyond the first one's, or tracks
   * another ORM by its `contextName`.
   *
   * The application fails to start with a `MikroOrmMissingError` if there is no `MikroOrmModule`, with an
   * `AlreadyTrackedError` if `options.revy` is given for an ORM whose configuration lists `revy()`, and with a
   * `RevyOptionError` if an option is unknown.
   *
   * @param options all of them optional, with their defaults in {@link RevyModuleOptions}
   */
  static override forRoot(options: RevyModuleOptions = {}): DynamicModule {
    const { contextName, ...others } = options;
    return contextName === undefined ? super.forRoot(others) : NamedRevyModule.of(contextName, super.forRoot(others));
  }

  /** The module with options that other providers give: from `useFactory` and `inject`, `useClass` or `useExisting`. */
  static override forRootAsync({ contextName, ...options }: RevyModuleAsyncOptions): DynamicModule {
    const module = super.forRootAsync(options);
    return contextName === undefined ? module : NamedRevyModule.of(contextName, module);
  }

  /** Called by Nest: adds the middleware, where the option asks for it. */
  configure(consumer: MiddlewareConsumer): void {
    if (this.options.middleware) consumer.apply(RevyMiddleware).forRoutes('{*all}');
  }
}
