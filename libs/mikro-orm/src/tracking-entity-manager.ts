import { type EntityManager, type ForkOptions, helper } from '@mikro-orm/core';
import { type Bypasses, withBypasses } from './bypass/bypass-entity-manager.js';
import { adoptNewEntity } from './capture/attribution.js';
import { keepFrames } from './capture/flush-frames.js';

type EntityManagerClass = abstract new (...args: never[]) => EntityManager;

/** What no event of the ORM tells of. */
export interface ManagerHooks {
  readonly onFlushFailure: (em: EntityManager, error: unknown) => Promise<void>;
  /** Called for forks that work on the entities of their parent. */
  readonly onFork: (fork: EntityManager, parent: EntityManager) => void;
  /** Called for entities that got a snapshot from the application, and not from their rows. */
  readonly onClaim: (entity: object) => void;
}

/**
 * The ORM's own entity manager class with the few calls extended that no event tells of. MikroORM keeps its state in
 * `#private` fields, so that it can be extended and not wrapped; forks are made by the class of what they fork.
 */
export function trackingClass(
  base: EntityManagerClass,
  bypasses: Bypasses,
  { onFlushFailure, onFork, onClaim }: ManagerHooks,
): EntityManagerClass {
  abstract class TrackingEntityManager extends (base as abstract new (...args: never[]) => EntityManager) {
    override create(...args: never[]): never {
      const entity = Reflect.apply(base.prototype.create, this, args) as object;
      adoptNewEntity(entity);
      // of a known reference: what is given for it counts as loaded, and the row may have other values
      if (helper(entity).__originalEntityData) onClaim(entity);
      return entity as never;
    }

    override persist(entity: Parameters<EntityManager['persist']>[0]): this {
      super.persist(entity);
      for (const one of [entity].flat() as object[]) adoptNewEntity(one);
      return this;
    }

    override fork(options: ForkOptions = {}): this {
      const fork = super.fork(options) as this;
      if (options.clear === false) onFork(fork, options.disableContextResolution ? this : this.getContext(false));
      return fork;
    }

    override async flush(): Promise<void> {
      const em = this.getContext();
      keepFrames(em.getUnitOfWork(false), error => onFlushFailure(em, error));
      await super.flush();
    }
  }
  Object.defineProperty(TrackingEntityManager, 'name', { value: base.name });
  return withBypasses(TrackingEntityManager, bypasses);
}
