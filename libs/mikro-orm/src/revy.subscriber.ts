import type { EntityManager, EventSubscriber, FlushEventArgs, TransactionEventArgs, UnitOfWork } from '@mikro-orm/core';
import { adoptNewEntity, clearAttribution } from './capture/attribution.js';
import { aroundChangeSets } from './capture/change-set-hooks.js';
import { type AnyChangeSet, FlushCapture } from './capture/flush-capture.js';
import { progressOf } from './capture/flush-progress.js';
import { readChanges } from './capture/read-changes.js';
import { flushOf, type RunningFlush } from './capture/running-flush.js';
import { fetchMissing } from './capture/unknown-values.js';
import type { Cascades } from './cascade/cascades.js';
import { aroundCollections } from './collections/collection-updates.js';
import type { CollectionWrites } from './collections/collection-writes.js';
import { currentFrame } from './context/frame-store.js';
import { unresolved } from './context/frame-values.js';
import { buildDrafts } from './delta/build-drafts.js';
import { NoTransactionError } from './revy.errors.js';
import { refuseOutsideContext, refuseUnexplained } from './tracking/required-context.js';
import type { TrackedEntities } from './tracking/tracked-entities.js';
import type { TriggerSettings } from './triggers/trigger-settings.js';
import { orRollBack } from './write/failed-start.js';
import type { Recorder } from './write/recorder.js';
import type { TransactionLog } from './write/transaction-log.js';
import { InterruptedWriteError } from './write/write.errors.js';

/** The order of one flush, and of the transaction around it. One instance serves every entity manager of an ORM. */
export class RevySubscriber implements EventSubscriber {
  /** By the flush; a hook that has cleared its entity manager may flush it while it flushes. */
  readonly #captures = new WeakMap<RunningFlush | UnitOfWork, FlushCapture>();

  constructor(
    private readonly tracked: TrackedEntities,
    private readonly recorder: Recorder,
    private readonly cascades: Cascades,
    private readonly collections: CollectionWrites,
    private readonly triggers: TriggerSettings,
  ) {}

  /** What a failed flush left behind is dropped here. */
  beforeFlush({ em, uow }: FlushEventArgs): void {
    aroundCollections(uow, perform => this.collections.around(em, this.#of(em), perform));
    aroundChangeSets(uow, { before: set => this.#before(em, set), after: set => this.#of(em)?.after(set) });
    const frame = currentFrame();
    const isRecorded = frame ? !frame.isDisabled : this.tracked.options.outsideContext !== 'ignore';
    this.#captures.delete(flushOf(uow));
    if (!isRecorded) return;
    const { attribution } = frame?.values ?? unresolved;
    this.#captures.set(flushOf(uow), new FlushCapture(uow, this.collections.classes, attribution, this.#isInDoubt));
  }

  async onFlush({ em, uow }: FlushEventArgs): Promise<void> {
    this.cascades.onFlush(uow);
    const capture = this.#captures.get(flushOf(uow));
    if (!capture) return this.#leaveAlone(em, uow);
    const linked = this.collections.firstTracked(em, capture);
    const first = capture.firstTracked() ?? linked ?? this.cascades.firstTracked(uow);
    if (first === undefined) return;
    refuseOutsideContext(this.tracked.options, first);
    const recorded = this.tracked.options.require.length > 0 ? (capture.firstRecorded() ?? linked) : undefined;
    if (recorded !== undefined) refuseUnexplained(this.tracked.options, recorded);
    const ctx = em.getTransactionContext();
    if (ctx ? !this.recorder.logs.of(ctx as object) : !opensTransaction(em)) throw new NoTransactionError(first);
    capture.isFetchDue = true;
    if (ctx) await capture.fetch(em, ctx);
  }

  async #leaveAlone(em: EntityManager, uow: UnitOfWork): Promise<void> {
    forget(uow);
    const ctx = em.getTransactionContext() as object | undefined;
    if (ctx) await this.triggers.tellIfDisabled(ctx);
  }

  beforeTransactionStart({ em, transaction }: TransactionEventArgs): void {
    this.recorder.logs.expect(em, transaction as object | undefined);
  }

  async afterTransactionStart({ em, uow, transaction }: TransactionEventArgs): Promise<void> {
    this.recorder.logs.begin(em, transaction as object);
    if (!transaction) return;
    const capture = uow && this.#captures.get(flushOf(uow));
    const work = capture ? capture.fetch(em, transaction) : this.triggers.tellIfDisabled(transaction as object);
    await orRollBack(em, transaction, work);
  }

  /** MikroORM 7.2 calls this after the COMMIT of a transaction that the flush opened itself; see the next hook. */
  async afterFlush({ em, uow }: FlushEventArgs): Promise<void> {
    const ctx = em.getTransactionContext();
    const log = this.recorder.logs.of(ctx as object | undefined);
    if (log) await this.#finish({ em, uow, transaction: ctx }, log);
  }

  async beforeTransactionCommit({ em, uow, transaction }: TransactionEventArgs): Promise<void> {
    const log = this.recorder.logs.of(transaction as object);
    if (!log) return;
    if (uow) await this.#finish({ em, uow, transaction }, log);
    if (log.interruption) throw new InterruptedWriteError(log.interruption.cause);
    if (log.root === transaction) await this.recorder.recordWithCommit(log);
  }

  afterTransactionCommit({ transaction }: TransactionEventArgs): void {
    this.recorder.committed(transaction as object);
  }

  beforeTransactionRollback({ transaction }: TransactionEventArgs): void {
    this.recorder.rollBack(transaction as object);
  }

  /** In a transaction that goes on, what a failed flush has written is committed all the same. */
  async flushFailed(em: EntityManager, error: unknown): Promise<void> {
    const capture = this.#of(em);
    const transaction = em.getTransactionContext();
    const log = this.recorder.logs.of(transaction as object | undefined);
    if (!capture || !log) return;
    const progress = progressOf(capture);
    try {
      if (progress === 'written') await this.#finish({ em, uow: em.getUnitOfWork(false), transaction }, log);
      if (progress === 'halfway') log.interrupt(error);
    } catch {
      log.interrupt(error);
    }
  }

  readonly #isInDoubt = (entity: object): boolean => this.recorder.logs.isInDoubt(entity);

  #of(em: EntityManager): FlushCapture | undefined {
    return this.#captures.get(flushOf(em.getUnitOfWork(false)));
  }

  #before(em: EntityManager, changeSet: AnyChangeSet): Promise<void> | undefined {
    const capture = this.#of(em);
    const isToAsk = capture && changeSet.type !== 'create' && capture.isToAsk(changeSet.entity);
    if (!isToAsk) return this.#capture(em, changeSet, capture);
    return capture.ask(em, changeSet.entity).then(() => this.#capture(em, changeSet, capture));
  }

  #capture(em: EntityManager, changeSet: AnyChangeSet, capture: FlushCapture | undefined): Promise<void> | undefined {
    const captured = capture?.before(changeSet, em);
    if (captured) this.recorder.logs.wrote(captured.entity, em.getTransactionContext() as object | undefined);
    const fetched = captured && fetchMissing(em, captured, changeSet);
    const cascade = () => this.cascades.beforeWrite(em, changeSet, capture);
    return fetched ? fetched.then(cascade) : cascade();
  }

  async #finish({ em, uow, transaction }: TransactionEventArgs, log: TransactionLog): Promise<void> {
    const flush = flushOf(uow!);
    const capture = this.#captures.get(flush);
    if (!capture) return;
    await capture.tellRemainders(em, transaction!);
    await capture.fetchComputed(em, transaction!);
    await this.collections.readLinks(em, capture);
    const changes = await this.cascades.withCascades(capture, readChanges(capture, em));
    log.add(buildDrafts(changes), currentFrame());
    for (const update of capture.memory) this.recorder.logs.tell(update, transaction as object);
    this.#captures.delete(flush);
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
