import { Inject, type Type } from '@nestjs/common';

/**
 * What a service of Revy is injected by.
 *
 * @param service `HistoryService`, `SnapshotService`, `RevertService` or `RevyHealthIndicator`
 * @param contextName as given to `RevyModule.forRoot`; without one, it is the class itself
 */
export function getRevyToken(service: Type, contextName?: string): Type | string {
  return contextName === undefined ? service : `${contextName}_${service.name}`;
}

/**
 * Injects a service of Revy for the ORM of a `contextName`: `@InjectRevy(HistoryService, 'books')`. The services of the
 * ORM without a name are injected by their class alone.
 */
export function InjectRevy(service: Type, contextName?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getRevyToken(service, contextName));
}
