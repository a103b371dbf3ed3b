import { ConfigurableModuleBuilder, type DynamicModule, Global, Module } from '@nestjs/common';
import type { RevyModuleAsyncOptions, RevyModuleOptions } from './revy.module-options.js';
import { revyExports, revyProviders } from './revy.providers.js';
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
 * provides `SnapshotService`, `HistoryService` and `RevertService` to every module.
 */
@Global()
@Module({ providers: revyProviders, exports: revyExports })
export class RevyModule extends ConfigurableModuleClass {
  /**
   * The module with its options at hand. A second `forRoot` adds what its options say beyond the first one's.
   *
   * The application fails to start with a `MikroOrmMissingError` if there is no `MikroOrmModule`, with an
   * `AlreadyTrackedError` if `options.revy` is given for an ORM whose configuration lists `revy()`, and with a
   * `RevyOptionError` if an option is unknown.
   *
   * @param options all of them optional, with their defaults in {@link RevyModuleOptions}
   */
  static override forRoot(options: RevyModuleOptions = {}): DynamicModule {
    return super.forRoot(options);
  }

  /** The module with options that other providers give: from `useFactory` and `inject`, `useClass` or `useExisting`. */
  static override forRootAsync(options: RevyModuleAsyncOptions): DynamicModule {
    return super.forRootAsync(options);
  }
}
