import { EntityManager, MikroORM } from '@mikro-orm/core';
import { getEntityManagerToken, getMikroORMToken } from '@mikro-orm/nestjs';
import type { FactoryProvider, InjectionToken, ModuleMetadata } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { HistoryService, RevertService, SnapshotService } from '@revy/mikro-orm';
import { getRevyToken } from './inject-revy.decorator.js';
import { RevyHealthIndicator } from './revy.health-indicator.js';
import { RevyInterceptor } from './revy.interceptor.js';
import type { RevyModuleOptions } from './revy.module-options.js';
import { REVY_MODULE_OPTIONS, TRACKED_ORM } from './revy.tokens.js';
import { trackOrm } from './track-orm.js';

type ServiceClass = new (em: EntityManager) => object;

const SERVICES: readonly ServiceClass[] = [SnapshotService, HistoryService, RevertService, RevyHealthIndicator];

/** What `RevyModule` adds to an application: for the ORM without a name, or for that of a `contextName`. */
export function revyProviders(contextName?: string): Required<Pick<ModuleMetadata, 'providers' | 'exports'>> {
  const services = SERVICES.map(Service => service(Service, contextName));
  return {
    providers: [trackedOrm(contextName), ...services, { provide: APP_INTERCEPTOR, useClass: RevyInterceptor }],
    exports: services.map(({ provide }) => provide),
  };
}

/**
 * A factory, because Nest calls no `onModuleInit` of any module before the last factory is done: neither a request nor
 * a seeder in a hook can come first. Optional, so that our error tells what is missing, and not Nest's.
 */
function trackedOrm(contextName: string | undefined): FactoryProvider<MikroORM> {
  const token: InjectionToken = contextName === undefined ? MikroORM : getMikroORMToken(contextName);
  return {
    provide: TRACKED_ORM,
    useFactory: (orm?: MikroORM, options: RevyModuleOptions = {}) => trackOrm(orm, options, contextName),
    inject: [
      { token, optional: true },
      { token: REVY_MODULE_OPTIONS, optional: true },
    ],
  };
}

/** The injected entity manager has the scope that MikroOrmModule gave it, and so has the service. */
function service(Service: ServiceClass, contextName: string | undefined): FactoryProvider<object> {
  const token: InjectionToken = contextName === undefined ? EntityManager : getEntityManagerToken(contextName);
  return {
    provide: getRevyToken(Service, contextName),
    useFactory: (orm: MikroORM, em: EntityManager = orm.em) => new Service(em),
    inject: [TRACKED_ORM, { token, optional: true }],
  };
}
