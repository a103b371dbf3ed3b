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
    const known = this.#known(entity);
    const found = this.#isAlone(known) ? known : (this.#told.get(entity) ?? known);
    // what is left of an object in the table of an abstract class is none
    return found && !found.meta.abstract ? this.entities.captured(found.meta.class) : undefined;
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
    if (!known || this.#isAlone(known) || this.#told.has(entity)) return true;
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
      const rest = await this.#find(em, this.entities.heirs(known), ofClass, { ctx, rows });
      for (const entity of rest) this.#told.set(entity, known);
    }
    return rows;
  }

  /**
   * Asks again, where nobody can believe what is known: in table-per-type inheritance, the row of a class may be gone, and
   * that of a class above it still there. One query for each class from their own upwards.
   *
   * @returns the rows that are there
   */
  async askAgain(em: EntityManager, entities: Iterable<object>, ctx: Transaction): Promise<FetchedRows> {
    const rows: FetchedRows = new Map();
    for (const [own, ofClass] of Map.groupBy(entities, entity => this.#lowest(entity))) {
      if (own?.meta.tptParent) await this.#find(em, this.#lineage(own), ofClass, { ctx, rows });
    }
    return rows;
  }

  /** Each entity is of the first of the classes that has its row. The others are returned. */
  async #find(
    em: EntityManager,
    classes: readonly TrackedEntity[],
    entities: readonly object[],
    { ctx, rows }: { readonly ctx: Transaction; readonly rows: FetchedRows },
  ): Promise<readonly object[]> {
    let rest = entities;
    for (const one of classes) {
      if (rest.length === 0) break;
      const found = await fetchRows(em, new Map([[one, rest]]), ctx);
      for (const [entity, row] of found) {
        this.#told.set(entity, one);
        rows.set(entity, row);
      }
      rest = rest.filter(entity => !found.has(entity));
    }
    return rest;
  }

  #lowest(entity: object): TrackedEntity | undefined {
    const known = this.#known(entity);
    const told = this.#told.get(entity);
    return known && told && this.entities.heirs(known).includes(told) ? told : known;
  }

  /** A class and those above it, each with a table of its own. */
  #lineage(entity: TrackedEntity): readonly TrackedEntity[] {
    const above = entity.meta.tptParent && this.entities.find(entity.meta.tptParent.class);
    return above ? [entity, ...this.#lineage(above)] : [entity];
  }

  /** Whether its objects can be of no other class, so that nobody has to be told. */
  #isAlone(known: TrackedEntity | undefined): boolean {
    return known === undefined || (!known.meta.tptParent && this.entities.heirs(known).length === 0);
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
