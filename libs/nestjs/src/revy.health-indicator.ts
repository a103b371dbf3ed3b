import type { EntityClass, EntityManager } from '@mikro-orm/core';
import { AttributeDelta, isTracked, ObjectDelta, Revision } from '@revy/mikro-orm';

/** What Terminus expects of an indicator, by the key that it was given. */
export type RevyHealth<Key extends string = string> = Record<
  Key,
  { readonly status: 'up' } | { readonly status: 'down'; readonly message: string }
>;

/**
 * Tells whether changes are recorded: the ORM is tracked, and the database has the history's tables and view with all
 * their columns. Made for `@nestjs/terminus`, and usable without it.
 *
 * ```ts
 * health.check([() => revy.isHealthy()]);
 * ```
 */
export class RevyHealthIndicator {
  constructor(private readonly em: EntityManager) {}

  /**
   * Three short SELECTs, which find nothing. Never throws: what it finds wrong is in the message of `down`.
   *
   * @param key the name of the entry in the report, `'revy'` by default
   */
  async isHealthy<Key extends string = 'revy'>(key: Key = 'revy' as Key): Promise<RevyHealth<Key>> {
    const message = await this.#problem();
    const state = message === undefined ? { status: 'up' } : { status: 'down', message };
    return { [key]: state } as RevyHealth<Key>;
  }

  async #problem(): Promise<string | undefined> {
    if (!isTracked(this.em)) return 'this ORM does not run Revy: nothing is recorded';
    const em = this.em.fork();
    try {
      await em.find(Revision, { id: 0 }, { fields: columnsOf(em, Revision) });
      await em.find(ObjectDelta, { id: 0 }, { fields: columnsOf(em, ObjectDelta) });
      await em.find(AttributeDelta, { revision: { id: 0 } }, { fields: columnsOf(em, AttributeDelta) });
      return undefined;
    } catch (error) {
      return `the history cannot be read: ${(error as Error).message}`;
    }
  }
}

/** By name: `select *` finds whatever columns there are. */
function columnsOf(em: EntityManager, entity: EntityClass<object>): never[] {
  const { props } = em.getMetadata().get(entity);
  return props.filter(({ fieldNames, persist }) => fieldNames && persist !== false).map(({ name }) => name as never);
}
