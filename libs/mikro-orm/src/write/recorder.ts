import type { EntityManager, Transaction } from '@mikro-orm/core';
import { currentFrame } from '../context/frame-store.js';
import { unresolved } from '../context/frame-values.js';
import type { Draft } from '../delta/draft.js';
import type { RowAdditions } from '../model/row-hook.js';
import { HistoryWriteError, RevyError, UnknownCommitError } from '../revy.errors.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import { type HistoryDocument, historyDocument } from './history-document.js';
import type { CommitDocument, HistoryWriter } from './history-writer.js';
import { withAdditions } from './row-hooks.js';
import { SharedRevisions } from './target-revision.js';
import { type TransactionLog, TransactionLogs } from './transaction-log.js';

/** More drafts than this are not held until the COMMIT: about 10 MB of them. */
const MOST_DRAFTS = 10_000;

const NO_ROWS = { firstDelta: 0, lastDelta: -1 };

/** Where the history of one ORM is written, and what an application adds to it. */
export interface RecordingTarget {
  readonly writer: HistoryWriter;
  readonly additions: RowAdditions | undefined;
}

/** Keeps what the running transactions have to record, and records it before they commit. */
export class Recorder {
  readonly logs = new TransactionLogs();
  readonly #shared = new SharedRevisions();
  readonly #makeTarget: () => RecordingTarget;
  #target: RecordingTarget | undefined;

  /** @param target asked for once, when there is something to record: the tables are known after discovery */
  constructor(
    private readonly entities: TrackedEntities,
    target: () => RecordingTarget,
  ) {
    this.#makeTarget = target;
  }

  private get writer(): HistoryWriter {
    return this.#into.writer;
  }

  get #into(): RecordingTarget {
    return (this.#target ??= this.#makeTarget());
  }

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

  /** Where the history was not sent with the COMMIT, this is when a shared revision is free for others. */
  committed(transaction: object): void {
    const log = this.logs.of(transaction);
    if (log?.root === transaction) log.target?.release(log.earlyWrite?.revision);
  }

  rollBack(transaction: object): void {
    const log = this.logs.of(transaction);
    if (log?.root === transaction) log.target?.release(undefined);
    else log?.rollBackTo(transaction);
  }

  async #atCommit(log: TransactionLog): Promise<CommitDocument> {
    const document = log.earlyWrite ? undefined : await this.#document(log);
    const early = log.earlyWrite && (await this.#finishEarly(log));
    return {
      document,
      done: written => log.target?.release(written?.revision ?? early),
      failed: (error, isSent) => {
        log.target?.release(undefined);
        // what the server says has a code; what the driver says of a broken connection has none of that form
        return isSent && !isFromServer(error) ? new UnknownCommitError(error) : asRevyError(error);
      },
    };
  }

  /** @returns the revision's id, unless everything that was written early has cancelled out since */
  async #finishEarly(log: TransactionLog): Promise<number | undefined> {
    if (log.isPending) await this.#record(log);
    const { revision, isEmpty } = log.earlyWrite!;
    const isRemoved = isEmpty && (await this.writer.removeEmptyRevision(log.root as Transaction, revision));
    return isRemoved ? undefined : revision;
  }

  /** Writes now; the log keeps its drafts, because a later flush of the same transaction may change what they say. */
  async #record(log: TransactionLog): Promise<void> {
    const ctx = log.root as Transaction;
    const earlier = log.earlyWrite;
    const drafts = log.end;
    try {
      const document = await this.#document(log);
      const replaced = earlier?.isFinal ? undefined : earlier;
      if (document) {
        const written = await this.writer.write(ctx, document, replaced);
        log.wroteEarly({ ...written, drafts, isEmpty: false, isFinal: false });
      } else if (earlier) {
        if (replaced) await this.writer.removeEarly(ctx, replaced);
        log.wroteEarly({ ...earlier, ...NO_ROWS, drafts, isEmpty: !log.hasFinalWrite, isFinal: false });
      }
    } catch (error) {
      log.target?.release(undefined);
      throw asRevyError(error);
    }
  }

  async #document(log: TransactionLog): Promise<HistoryDocument | undefined> {
    if (log.drafts.length === 0) return undefined;
    const context = contextOf(log);
    // held until the transaction is over: asking again would wait for oneself
    log.target ??= await this.#shared.acquire(context);
    const id = log.earlyWrite?.revision ?? log.target.id;
    const document = historyDocument(log.drafts, context, { ...log.target, id }, this.entities);
    const { additions } = this.#into;
    if (!document || !additions) return document;
    const { given } = log.target;
    const place = {
      em: log.em!,
      transaction: log.root as Transaction,
      values: context,
      given,
      isWritten: id !== undefined,
    };
    return withAdditions(document, additions, place);
  }
}

/** A revision says what holds where its transaction commits; outside every frame, what held at its first flush. */
function contextOf(log: TransactionLog) {
  return (currentFrame() ?? log.frame)?.values ?? unresolved;
}

function isFromServer(error: unknown): boolean {
  return error instanceof RevyError || /^[0-9A-Z]{5}$/.test((error as { code?: string }).code ?? '');
}

function asRevyError(error: unknown): Error {
  return error instanceof RevyError ? error : new HistoryWriteError(error);
}
