import { MikroORM } from '@mikro-orm/core';
import { getMikroORMToken } from '@mikro-orm/nestjs';
import {
  ConfigurableModuleBuilder,
  type DynamicModule,
  type FactoryProvider,
  Inject,
  Logger,
  Module,
  type OnModuleInit,
} from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { ActorController } from './actor/actor.controller.js';
import { AssetsController } from './assets/assets.controller.js';
import { BrowserClosedError, BrowserOrmMissingError } from './browser.errors.js';
import {
  BROWSER_ORM,
  BROWSER_SETTINGS,
  type BrowserSettings,
  type RevyBrowserAsyncOptions,
  type RevyBrowserOptions,
  type RevyBrowserProvidedOptions,
} from './browser.options.js';
import { mountPath, settingsOf } from './browser.settings.js';
import { DeletedController } from './deleted/deleted.controller.js';
import { ExportController } from './export/export.controller.js';
import { FeedController } from './feed/feed.controller.js';
import { BrowserGuard } from './mount/browser.guard.js';
import { PageWriter } from './mount/page-writer.js';
import { Permissions } from './mount/permissions.js';
import { ObjectController } from './object/object.controller.js';
import { FormProof } from './revert/form-proof.js';
import { RevertController } from './revert/revert.controller.js';
import { RevertGuard } from './revert/revert.guard.js';
import { Reverter } from './revert/reverter.js';
import { RevisionController } from './revision/revision.controller.js';
import { Wording } from './wording/wording.js';

const BROWSER_OPTIONS = Symbol('revy.browser.options');

const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<RevyBrowserProvidedOptions>({
  optionsInjectionToken: BROWSER_OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createBrowserOptions')
  .build();

/**
 * Pages that show the history to people, below a path of a Nest application on Express or Fastify.
 *
 * Import it beside `MikroOrmModule`. Who may see its pages has to be said, or nobody may; and who may revert, or they
 * only read.
 */
@Module({})
export class RevyBrowserModule extends ConfigurableModuleClass implements OnModuleInit {
  constructor(@Inject(BROWSER_SETTINGS) private readonly settings: BrowserSettings) {
    super();
  }

  /**
   * The pages, mounted. Several may be, each with a `path` of its own.
   *
   * The application fails to start with a `BrowserOrmMissingError` if there is no `MikroOrmModule`. Throws a
   * `RevyOptionError` if an option is unknown or has a value that it cannot take.
   *
   * @param options all of them optional, with their defaults in {@link RevyBrowserOptions}
   */
  static override forRoot(options: RevyBrowserOptions = {}): DynamicModule {
    const { path, contextName, ...others } = options;
    settingsOf(others, path);
    return mounted(super.forRoot(others), { path, contextName });
  }

  /**
   * The pages, mounted, with options that other providers give: from `useFactory` and `inject`, `useClass` or
   * `useExisting`. `path` and `contextName` stand beside these. What `forRoot` throws for the other options, the
   * application fails to start with.
   */
  static override forRootAsync({ path, contextName, ...options }: RevyBrowserAsyncOptions): DynamicModule {
    return mounted(super.forRootAsync(options), { path, contextName });
  }

  /** Called by Nest: warns where `canActivate` is missing, so that nobody may look. */
  onModuleInit(): void {
    if (this.settings.canActivate) return;
    new Logger('RevyBrowserModule').warn(new BrowserClosedError().message);
  }
}

function mounted(base: DynamicModule, { path, contextName }: RevyBrowserOptions): DynamicModule {
  // A class of its own: Nest keeps the path with the class, and one class would take all of them to the last path.
  const module = class RevyBrowser extends RevyBrowserModule {};
  return {
    module,
    imports: [...(base.imports ?? []), RouterModule.register([{ path: mountPath(path), module }])],
    controllers: [
      FeedController,
      RevisionController,
      ObjectController,
      ActorController,
      DeletedController,
      ExportController,
      RevertController,
      AssetsController,
    ],
    providers: [
      ...(base.providers ?? []),
      {
        provide: BROWSER_SETTINGS,
        useFactory: (options: RevyBrowserProvidedOptions) => settingsOf(options, path),
        inject: [BROWSER_OPTIONS],
      },
      browserOrm(contextName),
      Permissions,
      BrowserGuard,
      RevertGuard,
      FormProof,
      Reverter,
      PageWriter,
      Wording,
    ],
  };
}

function browserOrm(contextName: string | undefined): FactoryProvider<MikroORM> {
  const token = contextName === undefined ? MikroORM : getMikroORMToken(contextName);
  return {
    provide: BROWSER_ORM,
    useFactory: (orm?: MikroORM) => {
      if (!orm) throw new BrowserOrmMissingError(contextName);
      return orm;
    },
    inject: [{ token, optional: true }],
  };
}
