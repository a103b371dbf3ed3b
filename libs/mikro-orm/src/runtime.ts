import type { EntityManager, EntityMetadata, MikroORM } from '@mikro-orm/core';
import type { Actor } from './context/actor.js';
import type { HistoryClasses } from './model/history-classes.js';
import type { RowAdditions } from './model/row-hook.js';
import type { TableNames } from './model/tables.js';
import type { Revision } from './model/revision.entity.js';
import { RevyNotInstalledError } from './revy.errors.js';
import type { TrackedEntities } from './tracking/tracked-entities.js';

/** What Revy knows about one ORM: the way from an entity manager to its history. */
export interface RevyRuntime {
  readonly entities: TrackedEntities;
  readonly tables: TableNames;
  /** The classes that the history's tables are mapped to. */
  readonly classes: HistoryClasses;
  /** What the application adds to their rows; nothing for most. Known from discovery on. */
  readonly additions: () => RowAdditions | undefined;
  /** Takes in what foreign keys there are; called again when more entities are discovered. */
  readonly discover: (metadata: Iterable<EntityMetadata>) => void;
  /** Writes what the transaction around `em` still holds back, so that a read in it is complete. */
  writePending(em: EntityManager): Promise<void>;
  loadActors(em: EntityManager, revision: Revision): Promise<Actor[]>;
}

export const EXTENSION = '@revy/mikro-orm';

/** @throws {RevyNotInstalledError} if the ORM of `em` does not run the extension */
export function runtimeOf(em: EntityManager): RevyRuntime {
  const runtime = em.config.getExtension<RevyRuntime>(EXTENSION);
  if (!runtime) throw new RevyNotInstalledError();
  return runtime;
}

/** Whether Revy tracks this ORM already: through `extensions` in its configuration, or registered later. */
export function isTracked(orm: Pick<MikroORM, 'config'>): boolean {
  return orm.config.getExtension(EXTENSION) !== undefined;
}
