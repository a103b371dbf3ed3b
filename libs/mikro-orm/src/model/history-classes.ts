import { type EntityName, EntitySchema } from '@mikro-orm/core';
import { AttributeDelta } from './attribute-delta.entity.js';
import { ObjectDelta } from './object-delta.entity.js';
import { Revision } from './revision.entity.js';

/** Entities of an application that take the place of Revy's own; each extends the one that it replaces. */
export interface SwappedEntities<R extends Revision = Revision, D extends ObjectDelta = ObjectDelta> {
  /** Extends {@link Revision}: more columns, relations, another table or schema. */
  readonly Revision?: EntityName<R>;
  /** Extends {@link ObjectDelta}. */
  readonly ObjectDelta?: EntityName<D>;
}

/** The classes that one ORM maps the history's tables to. */
export interface HistoryClasses {
  readonly Revision: new () => Revision;
  readonly ObjectDelta: new () => ObjectDelta;
}

export function historyClasses({ Revision: revision, ObjectDelta: delta }: SwappedEntities = {}): HistoryClasses {
  return { Revision: revision ? classOf(revision) : Revision, ObjectDelta: delta ? classOf(delta) : ObjectDelta };
}

export function classOf<T extends object>(entity: EntityName<T>): new () => T {
  return (EntitySchema.is(entity) ? entity.meta.class : entity) as new () => T;
}

/** Whether a class holds the history itself: Revy's own, and what an application puts in its place. */
export function isHistoryClass(entityClass: unknown): boolean {
  return [Revision, ObjectDelta, AttributeDelta].some(
    own => entityClass === own || (entityClass as { prototype?: unknown } | undefined)?.prototype instanceof own,
  );
}
