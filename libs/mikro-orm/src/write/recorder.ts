import type { Dictionary, EntityManager, Transaction } from '@mikro-orm/core';
import { currentFrame } from '../context/frame-store.js';
import type { Frame } from '../context/frame.js';
import { type ResolvedValues, unresolved } from '../context/frame-values.js';
import type { Draft } from '../delta/draft.js';
import type { RowAdditions } from '../model/row-hook.js';
import { HistoryWriteError, RevyError, UnknownCommitError } from '../revy.errors.js';
import { refuseIncomplete } from '../tracking/required-context.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import { type HistoryDocument, historyDocument, inRevision } from './history-document.js';
import type { CommitDocument, HistoryWriter } from './history-writer.js';
import { NEW_REVISION, SharedRevisions, type TargetRevision } from './target-revision.js';
import { withAdditions } from './row-hooks.js';
import { type TransactionLog, TransactionLogs } from './transaction-log.js';

/** More drafts than this are not held until the COMMIT: about 20 MB of them. */
const MOST_DRAFTS = 20_000;

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

  /** Called right before a root transaction's COMMIT; again, if a hook refuses the COMMIT and it is tried again. */
  async recordWithCommit(log: TransactionLog): Promise<void> {
    log.goesWithCommit ||= await this.writer.sendWithCommit(log.root as Transaction, () => this.#atCommit(log));
    if (log.goesWithCommit) return;
    if (log.isPending) await this.#record(log);
    if (log.earlyWrite) await this.#finishEarly(log);
  }

  /** Writes what the transaction around `em` has not written yet, so that a read in it sees its own changes. */
  async writePending(em: EntityManager): Promise<void> {
    const log = this.logs.of(em.getTransactionContext() as object | undefined);
    if (log?.isPending) await this.#record(log);
  }

  /** Where the history was not sent with the COMMIT, this is when a shared revision is free for others. */
  committed(transaction: object): void {
    const log = this.logs.of(transaction);
    if (log?.root !== transaction || log.goesWithCommit) return;
    const written = log.earlyWrite;
    this.#recorded(log, written?.isEmpty ? undefined : written?.revision);
  }

  rollBack(transaction: object): void {
    this.logs.rolledBack(transaction);
    const log = this.logs.of(transaction);
    if (log?.root === transaction) log.target?.release(undefined);
    else log?.rollBackTo(transaction);
  }

  async #atCommit(log: TransactionLog): Promise<CommitDocument> {
    const document = log.earlyWrite ? undefined : await this.#document(log);
    if (document) await this.#choose(log);
    const filled = document && (await this.#filled(log, document, log.target?.id));
    const early = log.earlyWrite && (await this.#finishEarly(log));
    return {
      document: filled,
      isPlain: log.drafts.every(({ action }) => action !== 'update' && action === log.drafts[0]!.action),
      done: revision => this.#recorded(log, revision ?? early),
      failed: (error, isSent) => {
        log.target?.release(undefined);
        // what the server says has a code; what the driver says of a broken connection has none of that form
        return isSent && !isFromServer(error) ? new UnknownCommitError(error) : this.#asError(error);
      },
    };
  }

  #recorded(log: TransactionLog, revision: number | undefined): void {
    log.target?.release(revision);
    if (revision !== undefined) frameOf(log)?.recorded(revision);
  }

  /** @returns the revision's id, unless everything that was written early has cancelled out since */
  async #finishEarly(log: TransactionLog): Promise<number | undefined> {
    if (log.isPending) await this.#record(log);
    const ctx = log.root as Transaction;
    const { revision, isEmpty } = log.earlyWrite!;
    try {
      if (isEmpty && (await this.writer.removeRevision(ctx, revision))) return undefined;
      const { id = revision } = await this.#choose(log);
      if (id !== revision) await this.writer.move(ctx, revision, id);
      log.movedTo(id);
      return id;
    } catch (error) {
      throw this.#asError(error);
    }
  }

  /** From here to the end of the COMMIT, no other transaction makes the revision that this one shares with it. */
  async #choose(log: TransactionLog): Promise<TargetRevision> {
    const { given } = log;
    const lock = async (key: number) => {
      try {
        await this.writer.lock(log.root as Transaction, key);
      } catch (error) {
        throw this.#asError(error);
      }
    };
    return (log.target ??= given ? await this.#shared.acquire(given, lock) : NEW_REVISION);
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
        const into = await this.#filled(log, document, earlier?.revision ?? log.given?.id);
        const written = await this.writer.write(ctx, into, replaced);
        log.wroteEarly({ ...written, drafts, isEmpty: false, isFinal: false });
      } else if (earlier) {
        if (replaced) await this.writer.removeEarly(ctx, replaced);
        log.wroteEarly({ ...earlier, ...NO_ROWS, drafts, isEmpty: !log.hasFinalWrite, isFinal: false });
      }
    } catch (error) {
      throw this.#asError(error);
    }
  }

  async #document(log: TransactionLog): Promise<HistoryDocument | undefined> {
    if (log.drafts.length === 0) return undefined;
    const context = contextOf(log);
    log.given ??= this.#shared.given(context);
    const document = historyDocument(await this.#withoutMissed(log), context, log.given, this.entities);
    if (document) this.#refuseIncomplete(document, log.drafts[0]!.type);
    return document;
  }

  /** A flush may have had a frame of its own inside that of its transaction, and it is the latter's revision. */
  #refuseIncomplete([, description, actorType]: HistoryDocument, changed: string): void {
    refuseIncomplete(this.entities.options, changed, { hasActor: actorType !== null, description });
  }

  /** What is written into a revision that is there already, or into a new one, with what the application adds. */
  async #filled(
    log: TransactionLog,
    document: HistoryDocument,
    revision: number | undefined,
  ): Promise<HistoryDocument> {
    const into = inRevision(document, revision);
    const { additions } = this.#into;
    if (!additions) return into;
    const { em, root, given } = log;
    const place = {
      em: em!,
      transaction: root as Transaction,
      values: contextOf(log),
      given,
      isWritten: revision !== undefined,
    };
    return withAdditions(into, additions, place);
  }

  /** Asks the history about deletions that may have found no row: another transaction was faster, and has recorded it. */
  async #withoutMissed(log: TransactionLog): Promise<readonly Draft[]> {
    const doubtful = log.drafts.filter(draft => draft.isDoubtful);
    if (doubtful.length === 0) return log.drafts;
    const objects = doubtful.map(({ type, objectId }) => [type, objectId] as const);
    const deleted = await this.writer.deletedBefore(log.root as Transaction, objects, log.earlyWrite);
    return log.drafts.filter(draft => !(draft.isDoubtful && deleted.has(`${draft.type}\0${draft.objectId}`)));
  }

  /** What the database asks to be tried again is no failure of the history: it looks like that of any statement. */
  #asError(error: unknown): Error {
    if (error instanceof RevyError) return error;
    if (!isTransient(error)) return new HistoryWriteError(error);
    return this.entities.platform.getExceptionConverter().convertException(error as Error & Dictionary);
  }
}

/** A revision says what holds where its transaction commits; outside every frame, what held at its first flush. */
function contextOf(log: TransactionLog): ResolvedValues {
  return frameOf(log)?.values ?? unresolved;
}

function frameOf(log: TransactionLog): Frame | undefined {
  return currentFrame() ?? log.frame;
}

function isFromServer(error: unknown): boolean {
  return error instanceof RevyError || /^[0-9A-Z]{5}$/.test(codeOf(error));
}

/** Serialization failures and deadlocks: class 40 of the database's codes. */
function isTransient(error: unknown): boolean {
  return /^40[0-9A-Z]{3}$/.test(codeOf(error));
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? '';
}
