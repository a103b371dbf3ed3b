import { type EntityManager, type EntityMetadata, helper, type Transaction } from '@mikro-orm/core';
import type { TrackedEntities, TrackedEntity } from '../tracking/tracked-entities.js';
import type { RowData } from './row-data.js';
import { type FetchedRows, fetchRows } from './unknown-values.js';

/**
 * Tells which class an entity is of. An entity manager may know it by a class above its own: as a reference, or, in
 * table-per-type inheritance, found by a class between the root and its own, which MikroORM 7.2 does not look below.
 * One for each ORM.
 */
export class ConcreteClasses {
  readonly #told = new WeakMap<object, TrackedEntity>();

  constructor(private readonly entities: TrackedEntities) {}

  /** The class that the entity is looked at as; `undefined` if neither its values nor what it links are recorded. */
  capturedOf(entity: object): TrackedEntity | undefined {
    const found = this.#told.get(entity) ?? this.#known(entity);
    return found && this.entities.captured(found.meta.class);
  }

  /** The class that the entity is of, as far as that has been told. */
  toldOf(entity: object): unknown {
    const told = this.#told.get(entity) ?? (this.isTold(entity) ? this.#known(entity) : undefined);
    return told?.meta.class;
  }

  /** As {@link capturedOf}, and where the class is still to be told, one that it may be. */
  maybeCaptured(entity: object): TrackedEntity | undefined {
    const heirs = this.isTold(entity) ? [] : this.entities.heirs(this.#known(entity)!);
    return this.capturedOf(entity) ?? heirs.find(heir => heir.isTracked);
  }

  /** Whether nobody has to ask the database what the entity is. */
  isTold(entity: object): boolean {
    const known = this.#known(entity);
    if (!known || this.#told.has(entity)) return true;
    const heirs = this.entities.heirs(known);
    return heirs.length === 0 || isLoadedAs(entity, known.meta) || ![known, ...heirs].some(one => one.isTracked);
  }

  /** A new entity is what its class says. */
  tell(entity: object): void {
    const known = this.#known(entity);
    if (known && this.entities.heirs(known).length > 0) this.#told.set(entity, known);
  }

  /**
   * Asks which classes the entities are of: one query for each class below the one that they are known by.
   *
   * @returns the rows of those that are of a class below
   */
  async ask(em: EntityManager, entities: Iterable<object>, ctx: Transaction): Promise<FetchedRows> {
    const rows: FetchedRows = new Map();
    const untold = [...entities].filter(entity => !this.isTold(entity));
    for (const [known, ofClass] of Map.groupBy(untold, entity => this.#known(entity)!)) {
      let rest = ofClass;
      for (const heir of this.entities.heirs(known)) {
        const found: FetchedRows = rest.length > 0 ? await fetchRows(em, new Map([[heir, rest]]), ctx) : new Map();
        for (const [entity, row] of found) {
          this.#told.set(entity, heir);
          rows.set(entity, row);
        }
        rest = rest.filter(entity => !found.has(entity));
      }
      for (const entity of rest) this.#told.set(entity, known);
    }
    return rows;
  }

  #known(entity: object): TrackedEntity | undefined {
    return this.entities.find(helper(entity).__meta.class);
  }
}

/** MikroORM's copy of a row that was found by the root has the discriminator, until it is flushed. */
function isLoadedAs(entity: object, { root, discriminatorValue }: EntityMetadata): boolean {
  const { __originalEntityData: original, __initialized: isInitialized } = helper(entity);
  if (!original) return true;
  const column = root.discriminatorColumn ?? root.tptDiscriminatorColumn;
  // a reference has the discriminator of the class that was asked for
  return isInitialized && column !== undefined && String((original as RowData)[column]) === String(discriminatorValue);
}
