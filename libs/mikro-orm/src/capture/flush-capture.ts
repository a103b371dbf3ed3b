import { type ChangeSet, type EntityManager, helper, type UnitOfWork } from '@mikro-orm/core';
import type { Attribution } from '../context/attribution-value.js';
import type { TrackedEntities, TrackedEntity } from '../tracking/tracked-entities.js';
import { attributionSteps, type AttributionStep } from './attribution.js';
import type { Change } from './change.js';

/** The ORM's copy of a row: database values under property names. A missing key is not known. */
export type RowData = Readonly<Record<string, unknown>>;

/** One entity that a flush writes, with what is gone once it has been written. */
export interface CapturedEntity {
  readonly entity: object;
  readonly tracked: TrackedEntity;
  action: 'create' | 'update' | 'delete';
  /** The key before; a changed key is the same object until the flush, and another one after it. */
  readonly objectId: string | undefined;
  readonly before: RowData;
  /** Read from the database, because the ORM did not know it. */
  fetched: RowData | undefined;
  /** Properties that were written. `null` and `undefined` both mean that the column became null. */
  readonly written: Set<string>;
  /** Who set what; read before the SQL, because the ORM assigns to the entity afterwards. */
  readonly steps: ReadonlyMap<string, readonly AttributionStep[]> | undefined;
}

/** What one flush does, gathered from the ORM's hooks as it goes. */
export class FlushCapture {
  readonly entities = new Map<object, CapturedEntity>();
  /** What is written without an entity: after all others, and before the first of those that are deleted in the end. */
  readonly besides: Change[] = [];
  /** How many entities came before those that are deleted in the end. */
  deletedFrom: number | undefined;
  /** Objects that are links of a many-to-many collection. */
  readonly links: CapturedEntity[] = [];
  /** Rows to read as soon as a transaction is open, and then what they were. */
  toFetch: ReadonlyMap<TrackedEntity, readonly object[]> | undefined;
  fetched: ReadonlyMap<object, RowData> | undefined;
  /** Entities that the user removed; what else is deleted was taken along by a cascade. */
  readonly removedByUser: ReadonlySet<object>;

  constructor(
    readonly uow: UnitOfWork,
    readonly tracked: TrackedEntities,
    readonly attribution: Attribution,
  ) {
    this.removedByUser = new Set(uow.getRemoveStack());
  }

  /** The first entity that the flush writes and that is tracked; it serves the error where that may not be. */
  firstTracked(): string | undefined {
    for (const { entity } of this.uow.getChangeSets()) {
      const tracked = this.tracked.captured(helper(entity).__meta.class);
      if (tracked) return tracked.meta.className;
    }
    return undefined;
  }

  /** Before the SQL: several updates of one entity in a flush are one, and the first knows what was before. */
  before(changeSet: ChangeSet<object>, em: EntityManager): CapturedEntity | undefined {
    const { entity } = changeSet;
    const known = this.entities.get(entity);
    const tracked = this.tracked.captured(helper(entity).__meta.class);
    if (changeSet.type === 'delete') this.deletedFrom ??= this.entities.size;
    if (known || !tracked) return known;
    const captured = this.#capture(entity, tracked, changeSet, em);
    this.entities.set(entity, captured);
    if (tracked.meta.pivotTable) this.links.push(captured);
    return captured;
  }

  #capture(entity: object, tracked: TrackedEntity, changeSet: ChangeSet<object>, em: EntityManager): CapturedEntity {
    const action = actionOf(changeSet);
    const snapshot = (changeSet.originalEntity ??
      em.getUnitOfWork(false).getOriginalEntityData(entity) ??
      {}) as RowData;
    const before = action === 'create' ? NOTHING : withGenerated(snapshot, entity, tracked, em);
    const objectId = action === 'create' ? undefined : this.#objectIdBefore(entity, tracked, changeSet);
    const steps = action === 'delete' ? undefined : attributionSteps(entity);
    return { entity, tracked, action, objectId, before, fetched: this.fetched?.get(entity), written: new Set(), steps };
  }

  #objectIdBefore(entity: object, tracked: TrackedEntity, changeSet: ChangeSet<object>): string {
    const original = changeSet.originalEntity as RowData | undefined;
    const isKeyChange = original && tracked.meta.primaryKeys.some(key => key in original && key in changeSet.payload);
    return tracked.objectId(isKeyChange ? original : entity);
  }

  /** After the SQL: the ORM has merged generated keys and returned columns into the entity by now. */
  after(changeSet: ChangeSet<object>): void {
    const captured = this.entities.get(changeSet.entity);
    for (const name of Object.keys(changeSet.payload)) captured?.written.add(name);
  }
}

function actionOf(changeSet: ChangeSet<object>): CapturedEntity['action'] {
  if (changeSet.type.startsWith('delete')) return 'delete';
  return changeSet.type === 'create' ? 'create' : 'update';
}

const NOTHING: RowData = {};

/** Columns that the database computes are not part of the ORM's snapshot after a flush; the entity has them. */
export function withGenerated(snapshot: RowData, entity: object, tracked: TrackedEntity, em: EntityManager): RowData {
  if (tracked.generated.length === 0) return snapshot;
  const values: Record<string, unknown> = { ...snapshot };
  for (const { name, prop } of tracked.generated) {
    const value = (entity as RowData)[name];
    if (value === undefined) continue;
    values[name] = prop.customType ? prop.customType.convertToDatabaseValue(value, em.getPlatform()) : value;
  }
  return values;
}
