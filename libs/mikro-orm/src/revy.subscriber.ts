import type {
  EntityManager,
  EventArgs,
  EventSubscriber,
  FlushEventArgs,
  TransactionEventArgs,
  UnitOfWork,
} from '@mikro-orm/core';
import { adoptNewEntity, clearAttribution, suspendAttribution } from './capture/attribution.js';
import { FlushCapture } from './capture/flush-capture.js';
import { readChanges } from './capture/read-changes.js';
import { assignedUnknown, entitiesToFetch, fetchMissing, fetchRows } from './capture/unknown-values.js';
import type { Cascades } from './cascade/cascades.js';
import { aroundCollections } from './collections/collection-updates.js';
import type { CollectionWrites } from './collections/collection-writes.js';
import { currentFrame } from './context/frame-store.js';
import { unresolved } from './context/frame-values.js';
import { buildDrafts } from './delta/build-drafts.js';
import { NoTransactionError, OutsideContextError } from './revy.errors.js';
import type { TrackedEntities } from './tracking/tracked-entities.js';
import type { Recorder } from './write/recorder.js';
import type { TransactionLog } from './write/transaction-log.js';

/** The order of one flush, and of the transaction around it. One instance serves every entity manager of an ORM. */
export class RevySubscriber implements EventSubscriber {
  readonly #captures = new WeakMap<UnitOfWork, FlushCapture>();

  constructor(
    private readonly tracked: TrackedEntities,
    private readonly recorder: Recorder,
    private readonly cascades: Cascades,
    private readonly collections: CollectionWrites,
  ) {}

  /** What a failed flush left behind is dropped here. */
  beforeFlush({ em, uow }: FlushEventArgs): void {
    suspendAttribution(uow);
    aroundCollections(uow, perform => this.collections.around(em, this.#captures.get(uow), perform));
    const frame = currentFrame();
    const isRecorded = frame ? !frame.isDisabled : this.tracked.options.outsideContext !== 'ignore';
    if (!isRecorded) this.#captures.delete(uow);
    else this.#captures.set(uow, new FlushCapture(uow, this.tracked, (frame?.values ?? unresolved).attribution));
  }

  async onFlush({ em, uow }: FlushEventArgs): Promise<void> {
    this.cascades.onFlush(uow);
    const capture = this.#captures.get(uow);
    if (!capture) return forget(uow);
    const first =
      capture.firstTracked() ?? this.collections.firstTracked(em, capture) ?? this.cascades.firstTracked(uow);
    if (first === undefined) return;
    if (!currentFrame() && this.tracked.options.outsideContext === 'throw') throw new OutsideContextError(first);
    const ctx = em.getTransactionContext();
    if (ctx ? !this.recorder.logs.of(ctx as object) : !opensTransaction(em)) throw new NoTransactionError(first);
    capture.toFetch = entitiesToFetch(uow, this.tracked);
    if (ctx) await fetchInto(capture, em, ctx);
  }

  beforeTransactionStart({ em, transaction }: TransactionEventArgs): void {
    this.recorder.logs.expect(em, transaction as object | undefined);
  }

  async afterTransactionStart({ em, uow, transaction }: TransactionEventArgs): Promise<void> {
    this.recorder.logs.begin(em, transaction as object);
    const capture = uow && this.#captures.get(uow);
    if (capture) await fetchInto(capture, em, transaction);
  }

  beforeCreate({ em, changeSet }: EventArgs<object>): void {
    this.#of(em)?.before(changeSet!, em);
  }

  async beforeUpdate({ em, changeSet }: EventArgs<object>): Promise<void> {
    const captured = this.#of(em)?.before(changeSet!, em);
    if (captured) await fetchMissing(em, captured, [...Object.keys(changeSet!.payload), ...assignedUnknown(captured)]);
    await this.cascades.beforeUpdate(em, changeSet!, this.#of(em));
  }

  async beforeDelete({ em, changeSet }: EventArgs<object>): Promise<void> {
    const captured = this.#of(em)?.before(changeSet!, em);
    if (captured) await fetchMissing(em, captured, [...captured.tracked.attributes.keys()]);
    await this.cascades.beforeDelete(em, changeSet!, this.#of(em));
  }

  afterCreate({ em, changeSet }: EventArgs<object>): void {
    this.#of(em)?.after(changeSet!);
  }

  afterUpdate({ em, changeSet }: EventArgs<object>): void {
    this.#of(em)?.after(changeSet!);
  }

  /** MikroORM 7.2 calls this after the COMMIT of a transaction that the flush opened itself; see the next hook. */
  async afterFlush({ em, uow }: FlushEventArgs): Promise<void> {
    const log = this.recorder.logs.of(em.getTransactionContext() as object | undefined);
    if (log) await this.#finish(em, uow, log);
  }

  async beforeTransactionCommit({ em, uow, transaction }: TransactionEventArgs): Promise<void> {
    const log = this.recorder.logs.of(transaction as object);
    if (!log) return;
    if (uow) await this.#finish(em, uow, log);
    if (log.root === transaction) await this.recorder.recordWithCommit(log);
  }

  afterTransactionCommit({ transaction }: TransactionEventArgs): void {
    this.recorder.committed(transaction as object);
  }

  beforeTransactionRollback({ transaction }: TransactionEventArgs): void {
    this.recorder.rollBack(transaction as object);
  }

  #of(em: EntityManager): FlushCapture | undefined {
    return this.#captures.get(em.getUnitOfWork(false));
  }

  async #finish(em: EntityManager, uow: UnitOfWork, log: TransactionLog): Promise<void> {
    const capture = this.#captures.get(uow);
    if (!capture) return;
    this.#captures.delete(uow);
    await this.collections.readLinks(em, capture);
    const changes = await this.cascades.withCascades(capture, readChanges(capture, em));
    log.add(buildDrafts(changes), currentFrame());
    for (const { entity, action } of capture.entities.values()) {
      clearAttribution(entity);
      if (action === 'create') adoptNewEntity(entity);
    }
  }
}

/** What is flushed unrecorded must not be credited to anybody by the next flush. */
function forget(uow: UnitOfWork): void {
  for (const { entity } of uow.getChangeSets()) clearAttribution(entity as object);
}

function opensTransaction(em: EntityManager): boolean {
  return em.config.get('implicitTransactions') !== false && em.getPlatform().supportsTransactions();
}

async function fetchInto(
  capture: FlushCapture,
  em: EntityManager,
  ctx: TransactionEventArgs['transaction'],
): Promise<void> {
  if (!capture.toFetch?.size || !ctx) return;
  capture.fetched = await fetchRows(em, capture.toFetch, ctx);
  capture.toFetch = undefined;
}
