import { type ChangeSet, type EntityManager, isRaw, type Transaction, type UnitOfWork } from '@mikro-orm/core';
import type { Attribution } from '../context/attribution-value.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { attributionSteps, type AttributionStep } from './attribution.js';
import { type CollectionCapture, captureCollections } from './collection-capture.js';
import type { ConcreteClasses } from './concrete-class.js';
import type { LaterSubscribers } from './later-subscribers.js';
import type { OutdatedEntities } from './outdated-entities.js';
import { changesKey, NOTHING, type RowData, rowBefore, withGenerated } from './row-data.js';
import { entitiesToFetch, type FetchedRows, fetchRows } from './unknown-values.js';

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
  /** The row after, where it was written by SQL expressions whose results the ORM did not read. */
  computed: RowData | undefined;
  /** Who set what; read before the SQL, because the ORM assigns to the entity afterwards. */
  readonly steps: ReadonlyMap<string, readonly AttributionStep[]> | undefined;
}

/** What is known beside the unit of work's own copies. */
export interface CaptureKnowledge {
  readonly classes: ConcreteClasses;
  readonly outdated: OutdatedEntities;
  readonly later: LaterSubscribers;
}

/** What one flush does, gathered from the ORM's hooks as it goes. */
export class FlushCapture {
  readonly entities = new Map<object, CapturedEntity>();
  collections: readonly CollectionCapture[] = [];
  /** Rows that were read because the ORM did not know them. */
  readonly fetched = new Map<object, RowData>();
  /** Whether the flush is to be recorded, and what is unknown is still to be read. */
  isFetchDue = false;
  /** Entities that the user removed; what else is deleted was taken along by a cascade. */
  readonly removedByUser: ReadonlySet<object>;
  readonly #unread = new Set<CapturedEntity>();

  readonly classes: ConcreteClasses;
  readonly later: LaterSubscribers;

  constructor(
    readonly uow: UnitOfWork,
    readonly attribution: Attribution,
    private readonly known: CaptureKnowledge,
  ) {
    this.removedByUser = new Set(uow.getRemoveStack());
    this.classes = known.classes;
    this.later = known.later;
  }

  /** The first entity that the flush writes and that is tracked; it serves the error where that may not be. */
  firstTracked(): string | undefined {
    for (const { entity } of this.uow.getChangeSets()) {
      const tracked = this.classes.maybeTracked(entity);
      if (tracked) return tracked.meta.className;
    }
    return this.collections[0]?.owner.meta.className;
  }

  /** MikroORM 7.2 retakes a collection's snapshot when it is written, so what it was is read in `onFlush`. */
  readCollections(): void {
    this.collections = captureCollections(this.uow, this.classes);
  }

  /** Reads what the ORM does not know of the entities that the flush writes, as soon as a transaction is open. */
  async fetch(em: EntityManager, ctx: Transaction): Promise<void> {
    if (!this.isFetchDue) return;
    this.isFetchDue = false;
    const written = this.uow.getChangeSets().map(({ entity }) => entity as object);
    const owners = this.collections.map(({ ownerEntity }) => ownerEntity);
    this.#keep(await this.classes.ask(em, [...written, ...owners], ctx));
    this.#keep(await fetchRows(em, entitiesToFetch(this), ctx));
  }

  #keep(rows: FetchedRows): void {
    for (const [entity, row] of rows) this.fetched.set(entity, row);
  }

  /** Before the SQL of what `onFlush` did not show. */
  async ask(em: EntityManager, entity: object): Promise<void> {
    const ctx = em.getTransactionContext();
    if (ctx && !this.classes.isTold(entity)) this.#keep(await this.classes.ask(em, [entity], ctx));
  }

  /** Before the SQL: several updates of one entity in a flush are one, and the first knows what was before. */
  before(changeSet: ChangeSet<object>, em: EntityManager): CapturedEntity | undefined {
    const { entity } = changeSet;
    const known = this.entities.get(entity);
    const tracked = this.classes.trackedOf(entity);
    if (known || !tracked) return known;
    const captured = this.#capture(entity, tracked, changeSet, em);
    this.entities.set(entity, captured);
    return captured;
  }

  #capture(entity: object, tracked: TrackedEntity, changeSet: ChangeSet<object>, em: EntityManager): CapturedEntity {
    const action = actionOf(changeSet);
    if (action === 'create') this.classes.tell(entity);
    const row = action === 'create' ? NOTHING : this.rowBefore(changeSet, tracked);
    const before = row === NOTHING ? row : withGenerated(row, entity, tracked, em);
    const objectId = action === 'create' ? undefined : this.#objectIdBefore(entity, tracked, changeSet);
    const steps = action === 'delete' ? undefined : attributionSteps(entity);
    const fetched = this.fetched.get(entity);
    return { entity, tracked, action, objectId, before, fetched, written: new Set(), computed: undefined, steps };
  }

  /** The row before the flush, as far as it is known without asking the database. */
  rowBefore(changeSet: ChangeSet<object>, tracked: TrackedEntity): RowData {
    return this.known.outdated.has(changeSet.entity) ? NOTHING : rowBefore(changeSet, tracked, this.uow);
  }

  #objectIdBefore(entity: object, tracked: TrackedEntity, changeSet: ChangeSet<object>): string {
    const original = changeSet.originalEntity as RowData | undefined;
    return original && changesKey(changeSet, tracked) ? tracked.objectIdOfRow(original) : tracked.objectId(entity);
  }

  /** After the SQL: the ORM has merged generated keys and returned columns into the entity by now. */
  after(changeSet: ChangeSet<object>): void {
    const captured = this.entities.get(changeSet.entity);
    if (!captured) return;
    for (const [name, value] of Object.entries(changeSet.payload)) {
      captured.written.add(name);
      if (isRaw(value)) this.#unread.add(captured);
    }
  }

  /** MikroORM 7.2 reads the results of SQL expressions back in some cases only; at the end of the flush, for the others. */
  async fetchComputed(em: EntityManager, ctx: Transaction): Promise<void> {
    const wanted = new Map<TrackedEntity, object[]>();
    for (const { entity, tracked } of this.#unread) wanted.set(tracked, [...(wanted.get(tracked) ?? []), entity]);
    const rows = await fetchRows(em, wanted, ctx);
    for (const captured of this.#unread) captured.computed = rows.get(captured.entity);
  }
}

function actionOf(changeSet: ChangeSet<object>): CapturedEntity['action'] {
  if (changeSet.type.startsWith('delete')) return 'delete';
  return changeSet.type === 'create' ? 'create' : 'update';
}
