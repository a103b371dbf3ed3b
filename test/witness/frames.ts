import type { EntityManager } from '@mikro-orm/postgresql';
import { type Actor, RevisionContext, SystemActor } from '@revy/mikro-orm';
import { classOf } from './known.js';

interface ScriptActor {
  readonly of: (em: EntityManager) => Actor;
  /** As it is stored; `undefined` for the system. */
  readonly stored: string | undefined;
}

export const ACTORS: readonly ScriptActor[] = [
  { of: () => null, stored: undefined },
  { of: () => new SystemActor('importer'), stored: 'system:importer' },
  { of: em => em.getReference(classOf(em, 'Staff'), 1 as never), stored: 'Staff:1' },
];

/** What is said of changes that cascades make. */
export const GONE_ALONG = 'gone along';

/** Runs steps as one of the actors; `null` leaves them outside every frame. */
export async function inFrame(
  number: number | null,
  transaction: number,
  em: EntityManager,
  work: () => Promise<void>,
): Promise<void> {
  if (number === null) return work();
  const values = {
    actor: ACTORS[number]!.of(em),
    objectDeltaDescription: `by ${number}`,
    deletionDescription: GONE_ALONG,
    metadata: { transaction },
  };
  return RevisionContext.run(values, work);
}
