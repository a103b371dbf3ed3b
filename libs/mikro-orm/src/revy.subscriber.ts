import type {
  ChangeSet,
  EntityManager,
  EventArgs,
  EventSubscriber,
  FlushEventArgs,
  TransactionEventArgs,
  UnitOfWork,
} from '@mikro-orm/core';
import { adoptNewEntity, clearAttribution, suspendAttribution } from './capture/attribution.js';
import { ConcreteClasses } from './capture/concrete-class.js';
import { type CapturedEntity, FlushCapture } from './capture/flush-capture.js';
import { LaterSubscribers } from './capture/later-subscribers.js';
import type { OutdatedEntities } from './capture/outdated-entities.js';
import { readChanges } from './capture/read-changes.js';
import { fetchMissing, namesToKnow } from './capture/unknown-values.js';
import type { Cascades } from './cascade/cascades.js';
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
  readonly #classes: ConcreteClasses;

  constructor(
    private readonly tracked: TrackedEntities,
    private readonly recorder: Recorder,
    private readonly cascades: Cascades,
    private readonly outdated: OutdatedEntities,
  ) {
    this.#classes = new ConcreteClasses(tracked);
  }

  /** What a failed flush left behind is dropped here. */
  beforeFlush({ em, uow }: FlushEventArgs): void {
    suspendAttribution(uow);
    const frame = currentFrame();
    const isRecorded = frame ? !frame.isDisabled : this.tracked.options.outsideContext !== 'ignore';
    this.#captures.delete(uow);
    if (!isRecorded) return;
    const { attribution } = frame?.values ?? unresolved;
    const known = { classes: this.#classes, outdated: this.outdated, later: new LaterSubscribers(em, this) };
    this.#captures.set(uow, new FlushCapture(uow, attribution, known));
  }

  async onFlush({ em, uow }: FlushEventArgs): Promise<void> {
    this.cascades.onFlush(uow);
    const capture = this.#captures.get(uow);
    if (!capture) return forget(uow);
    capture.readCollections();
    const first = capture.firstTracked() ?? this.cascades.firstTracked(uow);
    if (first === undefined) return;
    if (!currentFrame() && this.tracked.options.outsideContext === 'throw') throw new OutsideContextError(first);
    const ctx = em.getTransactionContext();
    if (ctx ? !this.recorder.logs.of(ctx as object) : !opensTransaction(em)) throw new NoTransactionError(first);
    capture.isFetchDue = true;
    if (ctx) await capture.fetch(em, ctx);
  }

  beforeTransactionStart({ em, transaction }: TransactionEventArgs): void {
    this.recorder.logs.expect(em, transaction as object | undefined);
  }

  async afterTransactionStart({ em, uow, transaction }: TransactionEventArgs): Promise<void> {
    this.recorder.logs.begin(em, transaction as object);
    const capture = uow && this.#captures.get(uow);
    if (capture && transaction) await capture.fetch(em, transaction);
  }

  beforeCreate({ em, changeSet }: EventArgs<object>): void {
    this.#of(em)?.before(changeSet!, em);
  }

  async beforeUpdate({ em, changeSet }: EventArgs<object>): Promise<void> {
    const captured = await this.#before(em, changeSet!);
    const capture = this.#of(em);
    if (captured) await fetchMissing(em, captured, namesToKnow(captured, changeSet!, capture!));
    await this.cascades.beforeUpdate(em, changeSet!, capture);
  }

  async beforeDelete({ em, changeSet }: EventArgs<object>): Promise<void> {
    const captured = await this.#before(em, changeSet!);
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
    const ctx = em.getTransactionContext();
    const log = this.recorder.logs.of(ctx as object | undefined);
    if (log) await this.#finish({ em, uow, transaction: ctx }, log);
  }

  async beforeTransactionCommit({ em, uow, transaction }: TransactionEventArgs): Promise<void> {
    const log = this.recorder.logs.of(transaction as object);
    if (!log) return;
    if (uow) await this.#finish({ em, uow, transaction }, log);
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

  async #before(em: EntityManager, changeSet: ChangeSet<object>): Promise<CapturedEntity | undefined> {
    const capture = this.#of(em);
    await capture?.ask(em, changeSet.entity);
    return capture?.before(changeSet, em);
  }

  async #finish({ em, uow, transaction }: TransactionEventArgs, log: TransactionLog): Promise<void> {
    const capture = this.#captures.get(uow!);
    if (!capture) return;
    this.#captures.delete(uow!);
    await capture.fetchComputed(em, transaction!);
    const changes = this.cascades.withCascades(capture, readChanges(capture, em));
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
