import { type EntityManager, type EntityProperty, helper } from '@mikro-orm/core';
import { Revision } from '../model/revision.entity.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { KnownState } from './known-state.js';

/** An object to make an instance of. */
export interface Hydratable {
  readonly tracked: TrackedEntity;
  readonly objectId: string;
  readonly known: KnownState;
}

/**
 * Makes instances of the entities' classes with typed values, detached: no entity manager knows them. Persisting one
 * inserts a row with the same key. Relations are references that carry their key, and where their target is among the
 * objects of one hydrator, it itself.
 */
export class Hydrator {
  readonly #fork: EntityManager;
  readonly #schema: string | undefined;

  constructor(em: EntityManager) {
    this.#schema = em.schema;
    this.#fork = em.fork({ clear: true, freshEventManager: false });
  }

  /** What cannot be read as its present type goes to the unknown. */
  hydrate<T extends object>(object: Hydratable): T {
    const { tracked, objectId, known } = object;
    try {
      return this.#create<T>(tracked, { ...tracked.keyData(objectId), ...known.data });
    } catch (error) {
      if (!this.#dropUnreadable(object)) throw error;
      return this.#create<T>(tracked, { ...tracked.keyData(objectId), ...known.data });
    }
  }

  /** To be called once all are made. */
  detach(): void {
    // MikroORM replaces a reference that belongs to nobody by its own when the entity is persisted: UnitOfWork.js:975
    for (const entity of this.#fork.getUnitOfWork(false).getIdentityMap().values()) {
      Object.assign(helper(entity as object), { __managed: false, __originalEntityData: undefined, __em: undefined });
    }
  }

  #create<T extends object>({ meta }: TrackedEntity, row: Record<string, unknown>): T {
    const schema = this.#schema;
    const options = {
      merge: true,
      refresh: true,
      initialized: true,
      convertCustomTypes: true,
      newEntity: false,
      schema,
    };
    return this.#fork.getEntityFactory().create(meta.class, row as never, options) as T;
  }

  #dropUnreadable({ tracked, known }: Hydratable): boolean {
    const unreadable = Object.keys(known.data).filter(
      name => !this.#isReadable(tracked.meta.properties[name], known.data[name]),
    );
    for (const name of unreadable) {
      known.unknown.set(name, 'unreadable');
      delete known.data[name];
    }
    return unreadable.length > 0;
  }

  /** A custom type says by an exception that it cannot make anything of what another one has stored. */
  #isReadable(prop: EntityProperty | undefined, value: unknown): boolean {
    if (!prop?.customType || value === null) return true;
    try {
      prop.customType.convertToJSValue(value, this.#fork.getPlatform(), { mode: 'hydration' });
      return true;
    } catch {
      return false;
    }
  }
}

/** One detached instance; its relations are references. */
export function hydrate<T extends object>(
  em: EntityManager,
  tracked: TrackedEntity,
  objectId: string,
  data: Readonly<Record<string, unknown>>,
): T {
  const hydrator = new Hydrator(em);
  const entity = hydrator.hydrate<T>({ tracked, objectId, known: { data: { ...data }, unknown: new Map() } });
  hydrator.detach();
  return entity;
}

/** The revision of a snapshot, which belongs to `em` as if it had been found. */
export function hydrateRevision(em: EntityManager, row: Record<string, unknown>): Revision {
  return em.map(Revision, withBytes(em, row) as never);
}

/** JSON has bytes as the text that PostgreSQL prints. */
function withBytes(em: EntityManager, row: Record<string, unknown>): Record<string, unknown> {
  const bytes = em.getMetadata(Revision).props.filter(({ columnTypes }) => columnTypes?.[0] === 'bytea');
  const names = bytes.flatMap(({ fieldNames }) => fieldNames).filter(name => typeof row[name] === 'string');
  const buffers = names.map(name => [name, Buffer.from((row[name] as string).slice('\\x'.length), 'hex')]);
  return { ...row, ...(Object.fromEntries(buffers) as object) };
}
