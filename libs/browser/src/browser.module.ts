import { MikroORM } from '@mikro-orm/core';
import { getMikroORMToken } from '@mikro-orm/nestjs';
import { type DynamicModule, type FactoryProvider, Inject, Logger, Module, type OnModuleInit } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { RevyOptionError } from '@revy/mikro-orm';
import { AssetsController } from './assets/assets.controller.js';
import { BrowserClosedError, BrowserOrmMissingError } from './browser.errors.js';
import { BROWSER_ORM, BROWSER_SETTINGS, type BrowserSettings, type RevyBrowserOptions } from './browser.options.js';
import { DeletedController } from './deleted/deleted.controller.js';
import { ExportController } from './export/export.controller.js';
import { FeedController } from './feed/feed.controller.js';
import { BrowserGuard } from './mount/browser.guard.js';
import { PageWriter } from './mount/page-writer.js';
import { ObjectController } from './object/object.controller.js';
import { RevisionController } from './revision/revision.controller.js';

const OPTIONS: readonly string[] = [
  'path',
  'canActivate',
  'title',
  'pageSize',
  'contextName',
] satisfies (keyof RevyBrowserOptions)[];

/**
 * Pages that show the history to people, below a path of a Nest application on Express or Fastify.
 *
 * Import it beside `MikroOrmModule`. It only reads; who may see its pages has to be said, or nobody may.
 */
@Module({})
export class RevyBrowserModule implements OnModuleInit {
  constructor(@Inject(BROWSER_SETTINGS) private readonly settings: BrowserSettings) {}

  /**
   * The pages, mounted. Several may be, each with a `path` of its own.
   *
   * The application fails to start with a `BrowserOrmMissingError` if there is no `MikroOrmModule`. Throws a
   * `RevyOptionError` if an option is unknown or has a value that it cannot take.
   *
   * @param options all of them optional, with their defaults in {@link RevyBrowserOptions}
   */
  static forRoot(options: RevyBrowserOptions = {}): DynamicModule {
    const settings = settingsOf(options);
    // A class of its own: Nest keeps the path with the class, and one class would take all of them to the last path.
    const module = class RevyBrowser extends RevyBrowserModule {};
    return {
      module,
      imports: [RouterModule.register([{ path: settings.path, module }])],
      controllers: [
        FeedController,
        RevisionController,
        ObjectController,
        DeletedController,
        ExportController,
        AssetsController,
      ],
      providers: [
        { provide: BROWSER_SETTINGS, useValue: settings },
        browserOrm(options.contextName),
        BrowserGuard,
        PageWriter,
      ],
    };
  }

  onModuleInit(): void {
    if (this.settings.canActivate) return;
    new Logger('RevyBrowserModule').warn(new BrowserClosedError().message);
  }
}

function settingsOf(options: RevyBrowserOptions): BrowserSettings {
  for (const [name, value] of Object.entries(options)) {
    if (!OPTIONS.includes(name)) throw new RevyOptionError(name, value, `one of ${OPTIONS.join(', ')}`);
  }
  const { path = 'history', canActivate, title = 'History', pageSize = 50 } = options;
  const trimmed = path.replace(/^\/+|\/+$/g, '');
  if (trimmed === '') throw new RevyOptionError('path', path, 'a path with at least one segment');
  if (!Number.isSafeInteger(pageSize) || pageSize < 1) {
    throw new RevyOptionError('pageSize', pageSize, 'a whole number from 1');
  }
  return { path: trimmed, canActivate, title, pageSize };
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
