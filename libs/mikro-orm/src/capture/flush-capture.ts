import {
  type ChangeSet,
  type EntityManager,
  type EntityMetadata,
  helper,
  isRaw,
  type Transaction,
  type UnitOfWork,
} from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/sql';
import type { Attribution } from '../context/attribution-value.js';
import { inherits } from '../tracking/heirs.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { attributionSteps, type AttributionStep } from './attribution.js';
import type { Change } from './change.js';
import type { ConcreteClasses } from './concrete-class.js';
import {
  changesKey,
  deletesAnother,
  NOTHING,
  type RowData,
  rowBefore,
  wasNeverThere,
  withGenerated,
} from './row-data.js';
import { runningFlush } from './running-flush.js';
import { entitiesToFetch, type FetchedRows, fetchRows } from './unknown-values.js';

export type AnyChangeSet = ChangeSet<object>;

/** One entity that a flush writes, with what is gone once it has been written. */
export interface CapturedEntity {
  readonly entity: object;
  tracked: TrackedEntity;
  /** The stored type. */
  type: string;
  action: 'create' | 'update' | 'delete';
  /** The key before; a changed key is the same object until the flush, and another one after it. */
  readonly objectId: string | undefined;
  readonly before: RowData;
  /** Read from the database, because the ORM did not know it. */
  fetched: RowData | undefined;
  /** What was written, by property. `null` and `undefined` both mean that the column became null. */
  written: RowData;
  /** Properties that were given SQL expressions. */
  expressions: ReadonlySet<string>;
  /** The row after, where it was written by SQL expressions whose results the ORM did not read. */
  computed: RowData | undefined;
  /** MikroORM marks those of creates and updates once their SQL has run. */
  readonly changeSets: ChangeSet<object>[];
  /** An update that found no row, and one that found a row. */
  isMissed: boolean;
  isFound: boolean;
  /** Whether the database was asked for its row, and had none. */
  isAbsent: boolean;
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
  /** How far the flush has come with the statements of its collections. */
  collections: 'due' | 'begun' | 'written' = 'due';
  /** Rows that were read because the ORM did not know them. */
  readonly fetched = new Map<object, RowData>();
  /** Whether the flush is to be recorded, and what is unknown is still to be read. */
  isFetchDue = false;
  /** Entities that the user removed; what else is deleted was taken along by a cascade. */
  readonly removedByUser: ReadonlySet<object>;
  /** What entity managers have to be told of entities that the flush did not write, and that changed along with it. */
  readonly memory: { readonly entities: readonly object[]; readonly tell: () => void }[] = [];
  readonly #unread = new Set<CapturedEntity>();

  constructor(
    readonly uow: UnitOfWork,
    readonly classes: ConcreteClasses,
    readonly attribution: Attribution,
    private readonly isOutdated: (entity: object) => boolean,
  ) {
    this.removedByUser = new Set(uow.getRemoveStack());
  }

  /** Whether the ORM's copy of a row may be wrong. */
  readonly isInDoubt = (entity: object): boolean => this.isOutdated(entity) || this.#isForeign(entity);

  /** Loaded by another entity manager: nobody has told it what this one has written to its row since. */
  #isForeign(entity: object): boolean {
    return this.uow.getIdentityMap().getByEntity(entity) !== entity;
  }

  /** The first entity that the flush writes and that is tracked; it serves the error where that may not be. */
  firstTracked(): string | undefined {
    for (const { entity } of this.uow.getChangeSets()) {
      const tracked = this.classes.maybeCaptured(entity);
      if (tracked) return tracked.meta.className;
    }
    return undefined;
  }

  /** The first entity of which the flush writes anything that is recorded; nothing of what is excluded is. */
  firstRecorded(): string | undefined {
    for (const changeSet of this.uow.getChangeSets()) {
      const tracked = this.classes.maybeCaptured(changeSet.entity);
      if (tracked && isRecorded(changeSet, tracked)) return tracked.meta.className;
    }
    return undefined;
  }

  /** Reads what the ORM does not know of the entities that the flush writes, as soon as a transaction is open. */
  async fetch(em: EntityManager, ctx: Transaction): Promise<void> {
    if (!this.isFetchDue) return;
    this.isFetchDue = false;
    const sets = this.uow.getChangeSets();
    const entities = sets.map(({ entity }) => entity as object);
    const there = sets.filter(({ type }) => type !== 'create').map(({ entity }) => entity as object);
    this.#keep(await this.classes.ask(em, entities, ctx));
    this.#keep(await this.classes.askAgain(em, there.filter(this.isInDoubt), ctx));
    this.#keep(await fetchRows(em, entitiesToFetch(this, em), ctx));
  }

  #keep(rows: FetchedRows): void {
    for (const [entity, row] of rows) this.fetched.set(entity, row);
  }

  /** Whether the database has to be asked what an entity is. */
  isToAsk(entity: object): boolean {
    return !this.classes.isTold(entity) || this.#mayBeLess(entity);
  }

  /** Before the SQL of what `onFlush` did not show. */
  async ask(em: EntityManager, entity: object): Promise<void> {
    const ctx = em.getTransactionContext();
    if (!ctx) return;
    if (!this.classes.isTold(entity)) this.#keep(await this.classes.ask(em, [entity], ctx));
    if (this.#mayBeLess(entity)) this.#keep(await this.classes.askAgain(em, [entity], ctx));
  }

  #mayBeLess(entity: object): boolean {
    return this.isInDoubt(entity) && !this.fetched.has(entity);
  }

  /** Before the SQL: several updates of one entity in a flush are one, and the first knows what was before. */
  before(changeSet: AnyChangeSet, em: EntityManager): CapturedEntity | undefined {
    const { entity } = changeSet;
    if (changeSet.type === 'delete') this.deletedFrom ??= this.entities.size;
    const known = this.entities.get(entity);
    const tracked = this.classes.capturedOf(entity);
    if (tracked && wasNeverThere(changeSet, tracked)) return undefined;
    const captured = known ?? (tracked && this.#capture(entity, tracked, changeSet, em));
    if (!captured) return undefined;
    this.entities.set(entity, captured);
    if (!known && captured.tracked.meta.pivotTable) this.links.push(captured);
    captured.changeSets.push(changeSet);
    const expressions = expressionsIn(changeSet);
    if (expressions.length > 0) captured.expressions = new Set([...captured.expressions, ...expressions]);
    return captured;
  }

  #capture(entity: object, tracked: TrackedEntity, changeSet: AnyChangeSet, em: EntityManager): CapturedEntity {
    const action = actionOf(changeSet);
    if (action === 'create') this.classes.tell(entity);
    const isUnknown = action === 'create' || this.isInDoubt(entity) || deletesAnother(changeSet, tracked);
    const before = isUnknown ? NOTHING : withGenerated(rowBefore(changeSet, tracked, this.uow), entity, tracked, em);
    const objectId = action === 'create' ? undefined : this.#objectIdBefore(entity, tracked, changeSet);
    const steps = action === 'delete' ? undefined : attributionSteps(entity);
    return {
      entity,
      tracked,
      type: tracked.typeOf(entity),
      action,
      objectId,
      before,
      fetched: this.fetched.get(entity),
      written: NOTHING,
      expressions: NO_EXPRESSIONS,
      computed: undefined,
      changeSets: [],
      isMissed: false,
      isFound: false,
      isAbsent: false,
      steps,
    };
  }

  /** The key that the ORM finds the row by; a key that was assigned to a reference does not reach the row. */
  #objectIdBefore(entity: object, tracked: TrackedEntity, changeSet: AnyChangeSet): string {
    const original = changeSet.originalEntity as RowData | undefined;
    const isReference = !helper(entity).__initialized && tracked.meta.primaryKeys.every(key => original?.[key] != null);
    const isOriginal = original && (isReference || changesKey(changeSet, tracked));
    return isOriginal ? tracked.objectIdOfRow(original) : tracked.objectId(entity);
  }

  /** After the SQL: the ORM has merged generated keys and returned columns into the entity by now. */
  after(changeSet: AnyChangeSet): void {
    const captured = this.entities.get(changeSet.entity);
    if (!captured) return;
    if (!runningFlush()?.missed.hasMissed(changeSet)) captured.isFound = true;
    // the table of a class below the one that the object is of has no row of it
    else if (!inherits(changeSet.meta, captured.tracked.meta)) captured.isMissed = true;
    const { written } = captured;
    captured.written = written === NOTHING ? { ...changeSet.payload } : { ...written, ...changeSet.payload };
    if (captured.expressions.size > 0 && expressionsIn(changeSet).length > 0) this.#unread.add(captured);
  }

  /** Of what a flush has found in one table and missed in another, the part above is left, as an object of that class. */
  async tellRemainders(em: EntityManager, ctx: Transaction): Promise<void> {
    const torn = [...this.entities.values()].filter(({ isMissed, isFound }) => isMissed && isFound);
    if (torn.length === 0) return;
    await this.classes.askAgain(
      em,
      torn.map(({ entity }) => entity),
      ctx,
    );
    for (const captured of torn) {
      const told = this.classes.capturedOf(captured.entity);
      if (!told || told === captured.tracked) continue;
      captured.tracked = told;
      captured.type = told.typeOf(captured.entity);
      captured.isMissed = false;
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

/** Tells the rows of a hierarchy in one schema from others. */
export function placeOf(em: EntityManager, { root }: EntityMetadata, schema: string | undefined): string {
  const driver = em.getDriver() as unknown as AbstractSqlDriver;
  return placeIn(root, driver.getSchemaName(root, { schema }));
}

/** @param schema as the driver resolves it */
export function placeIn({ root }: EntityMetadata, schema: string | undefined): string {
  return `${root._id} ${schema ?? ''} `;
}

const NO_EXPRESSIONS: ReadonlySet<string> = new Set();

function expressionsIn({ payload }: AnyChangeSet): string[] {
  return Object.keys(payload).filter(name => isRaw((payload as RowData)[name]));
}

function isRecorded({ type, payload }: AnyChangeSet, tracked: TrackedEntity): boolean {
  if (!type.startsWith('update')) return true;
  return Object.keys(payload).some(name => tracked.attributes.has(name) || tracked.attributesOf(name).length > 0);
}

function actionOf(changeSet: AnyChangeSet): CapturedEntity['action'] {
  if (changeSet.type.startsWith('delete')) return 'delete';
  return changeSet.type === 'create' ? 'create' : 'update';
}
