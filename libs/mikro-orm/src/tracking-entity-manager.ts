import type { EntityManager, ForkOptions } from '@mikro-orm/core';
import { type Bypasses, withBypasses } from './bypass/bypass-entity-manager.js';
import { adoptNewEntity, resumeAttribution } from './capture/attribution.js';
import type { Cascades } from './cascade/cascades.js';

type EntityManagerClass = abstract new (...args: never[]) => EntityManager;

/**
 * The ORM's own entity manager class with the few calls extended that no event tells of. MikroORM keeps its state in
 * `#private` fields, so that it can be extended and not wrapped; forks are made by the class of what they fork.
 */
export function trackingClass(base: EntityManagerClass, bypasses: Bypasses, cascades: Cascades): EntityManagerClass {
  abstract class TrackingEntityManager extends (base as abstract new (...args: never[]) => EntityManager) {
    override create(...args: never[]): never {
      const entity = Reflect.apply(base.prototype.create, this, args) as object;
      adoptNewEntity(entity);
      return entity as never;
    }

    override persist(entity: Parameters<EntityManager['persist']>[0]): this {
      super.persist(entity);
      for (const one of [entity].flat() as object[]) adoptNewEntity(one);
      return this;
    }

    override fork(options: ForkOptions = {}): this {
      const fork = super.fork(options) as this;
      if (options.clear === false)
        cascades.share(fork, options.disableContextResolution ? this : this.getContext(false));
      return fork;
    }

    override async flush(): Promise<void> {
      try {
        await super.flush();
      } finally {
        resumeAttribution(this.getUnitOfWork());
      }
    }
  }
  Object.defineProperty(TrackingEntityManager, 'name', { value: base.name });
  return withBypasses(TrackingEntityManager, bypasses);
}
