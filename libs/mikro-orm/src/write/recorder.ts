import type { EntityManager, Transaction } from '@mikro-orm/core';
import { currentFrame } from '../context/frame-store.js';
import { unresolved } from '../context/frame-values.js';
import type { Draft } from '../delta/draft.js';
import { HistoryWriteError, RevyError } from '../revy.errors.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import { type HistoryDocument, historyDocument } from './history-document.js';
import type { CommitDocument, HistoryWriter } from './history-writer.js';
import { SharedRevisions, type TargetRevision } from './target-revision.js';
import { type TransactionLog, TransactionLogs } from './transaction-log.js';

/** More drafts than this are not held until the COMMIT: about 10 MB of them. */
const MOST_DRAFTS = 10_000;

/** Keeps what the running transactions have to record, and records it before they commit. */
export class Recorder {
  readonly logs = new TransactionLogs();
  readonly #shared = new SharedRevisions();

  constructor(
    private readonly entities: TrackedEntities,
    private readonly writer: HistoryWriter,
  ) {}

  /** Holds drafts until the COMMIT; if they have become too many, writes them now. */
  async add(log: TransactionLog, drafts: readonly Draft[]): Promise<void> {
    log.add(drafts, currentFrame());
    if (log.drafts.length <= MOST_DRAFTS) return;
    await this.#record(log);
    log.letGo();
  }

  /** Called right before a root transaction's COMMIT. */
  async recordWithCommit(log: TransactionLog): Promise<void> {
    const isSent = await this.writer.sendWithCommit(log.root as Transaction, () => this.#atCommit(log));
    if (!isSent) await this.#record(log);
  }

  /** Writes what the transaction around `em` has not written yet, so that a read in it sees its own changes. */
  async writePending(em: EntityManager): Promise<void> {
    const log = this.logs.of(em.getTransactionContext() as object | undefined);
    if (log?.isPending) await this.#record(log);
  }

  rollBack(transaction: object): void {
    const log = this.logs.of(transaction);
    if (log?.root === transaction) log.onEnd?.(undefined);
    else log?.rollBackTo(transaction);
  }

  async #atCommit(log: TransactionLog): Promise<CommitDocument | undefined> {
    if (log.isPending && log.earlyWrite) await this.#record(log);
    if (!log.isPending) {
      log.onEnd?.(log.earlyWrite?.revision);
      return undefined;
    }
    const target = await this.#acquire(log);
    const document = await this.#document(log, target);
    if (!document) {
      target.release(undefined);
      return undefined;
    }
    return {
      document,
      done: written => target.release(written.revision),
      failed: error => {
        target.release(undefined);
        return asRevyError(error);
      },
    };
  }

  /** Writes now; the log keeps its drafts, because a later flush of the same transaction may change what they say. */
  async #record(log: TransactionLog): Promise<void> {
    const ctx = log.root as Transaction;
    const earlier = log.earlyWrite;
    const target: TargetRevision = earlier
      ? { id: earlier.revision, given: undefined, release: () => {} }
      : await this.#acquire(log);
    try {
      const document = await this.#document(log, target);
      log.onEnd ??= target.release;
      const replaced = earlier?.isFinal ? undefined : earlier;
      if (document) {
        log.wroteEarly(await this.writer.write(ctx, document, replaced));
      } else if (earlier) {
        if (replaced) await this.writer.removeEarly(ctx, replaced);
        log.wroteEarly(earlier);
      }
    } catch (error) {
      target.release(undefined);
      throw asRevyError(error);
    }
  }

  async #acquire(log: TransactionLog): Promise<TargetRevision> {
    return this.#shared.acquire(contextOf(log));
  }

  async #document(log: TransactionLog, target: TargetRevision): Promise<HistoryDocument | undefined> {
    try {
      return historyDocument(log.drafts, contextOf(log), target, this.entities);
    } catch (error) {
      target.release(undefined);
      throw error;
    }
  }
}

/** A revision says what holds where its transaction commits; outside every frame, what held at its first flush. */
function contextOf(log: TransactionLog) {
  return (currentFrame() ?? log.frame)?.values ?? unresolved;
}

function asRevyError(error: unknown): Error {
  return error instanceof RevyError ? error : new HistoryWriteError(error);
}
