import { EntityManager, MikroORM } from '@mikro-orm/core';
import type { FactoryProvider, Provider } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { HistoryService, RevertService, SnapshotService } from '@revy/mikro-orm';
import { RevyInterceptor } from './revy.interceptor.js';
import type { RevyModuleOptions } from './revy.module-options.js';
import { REVY_MODULE_OPTIONS, TRACKED_ORM } from './revy.tokens.js';
import { trackOrm } from './track-orm.js';

type ServiceClass = new (em: EntityManager) => object;

const SERVICES: readonly ServiceClass[] = [SnapshotService, HistoryService, RevertService];

/**
 * A factory, because Nest calls no `onModuleInit` of any module before the last factory is done: neither a request nor
 * a seeder in a hook can come first. Optional, so that our error tells what is missing, and not Nest's.
 */
const trackedOrm: FactoryProvider<MikroORM> = {
  provide: TRACKED_ORM,
  useFactory: (orm?: MikroORM, options: RevyModuleOptions = {}) => trackOrm(orm, options),
  inject: [
    { token: MikroORM, optional: true },
    { token: REVY_MODULE_OPTIONS, optional: true },
  ],
};

/** The injected entity manager has the scope that MikroOrmModule gave it, and so has the service. */
function service(Service: ServiceClass): Provider {
  return {
    provide: Service,
    useFactory: (orm: MikroORM, em: EntityManager = orm.em) => new Service(em),
    inject: [TRACKED_ORM, { token: EntityManager, optional: true }],
  };
}

/** What `RevyModule` adds to an application. */
export const revyProviders: Provider[] = [
  trackedOrm,
  ...SERVICES.map(service),
  { provide: APP_INTERCEPTOR, useClass: RevyInterceptor },
];

/** What of it others can inject. */
export const revyExports = [...SERVICES];
