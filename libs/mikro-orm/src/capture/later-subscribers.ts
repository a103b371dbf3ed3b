import { type EntityManager, type EntityMetadata, type EventSubscriber, Utils } from '@mikro-orm/core';

/**
 * Subscribers that are called after Revy's, and may change an entity when Revy has looked at it: those that an
 * application registers once the ORM runs. MikroORM 7.2 calls subscribers in the order of their registration.
 */
export class LaterSubscribers {
  readonly #updating: readonly EventSubscriber[];

  constructor(em: EntityManager, self: EventSubscriber) {
    const all = [...em.getEventManager().getSubscribers()];
    this.#updating = all.slice(all.indexOf(self) + 1).filter(subscriber => 'beforeUpdate' in subscriber);
  }

  /** Whether anything may still be set on an entity of this class before its update is written. */
  mayUpdate({ className }: EntityMetadata): boolean {
    return this.#updating.some(subscriber => {
      const entities = subscriber.getSubscribedEntities?.() ?? [];
      return entities.length === 0 || entities.some(entity => Utils.className(entity) === className);
    });
  }
}
