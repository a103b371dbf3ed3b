import type { Frame } from '../context/frame.js';
import type { Draft } from '../delta/draft.js';
import type { TargetRevision } from './target-revision.js';

/** Rows that were written before the COMMIT, because somebody read the history inside the transaction. */
export interface EarlyWrite {
  /** How many drafts they hold. */
  readonly drafts: number;
  readonly revision: number;
  readonly firstDelta: number;
  readonly lastDelta: number;
  /** Whether they were removed again, because a later flush took everything back. */
  readonly isEmpty: boolean;
}

/** A savepoint remembers how far the log had come, so that its rollback takes back what came after. */
interface Mark {
  readonly drafts: number;
  readonly writes: number;
}

/** What one transaction has to record: the drafts of all its flushes, written once, right before its COMMIT. */
export class TransactionLog {
  /** The frame of the first flush that had something to record. */
  frame: Frame | undefined;
  /** Chosen when there is something to write for the first time; released once the transaction is over. */
  target: TargetRevision | undefined;
  readonly #drafts: Draft[] = [];
  readonly #writes: EarlyWrite[] = [];
  readonly #marks = new Map<object, Mark>();

  constructor(readonly root: object) {}

  get drafts(): readonly Draft[] {
    return this.#drafts;
  }

  /** The rows that are in the tables now, if any were written early. */
  get earlyWrite(): EarlyWrite | undefined {
    return this.#writes.at(-1);
  }

  /** Whether there is anything that the tables do not have yet. */
  get isPending(): boolean {
    return this.#drafts.length > (this.earlyWrite?.drafts ?? 0);
  }

  add(drafts: readonly Draft[], frame: Frame | undefined): void {
    if (drafts.length > 0) this.frame ??= frame;
    for (const draft of drafts) this.#drafts.push(draft);
  }

  wroteEarly(write: EarlyWrite): void {
    this.#writes.push(write);
  }

  markSavepoint(savepoint: object): void {
    this.#marks.set(savepoint, { drafts: this.#drafts.length, writes: this.#writes.length });
  }

  rollBackTo(savepoint: object): void {
    const mark = this.#marks.get(savepoint);
    if (!mark) return;
    this.#drafts.length = mark.drafts;
    this.#writes.length = mark.writes;
  }
}

/** The logs of the running transactions, found by the transaction or by any savepoint in it. */
export class TransactionLogs {
  readonly #logs = new WeakMap<object, TransactionLog>();
  readonly #parents = new WeakMap<object, object>();

  /** MikroORM 7.2 names the parent only before the start and the savepoint only after it. */
  expect(em: object, parent: object | undefined): void {
    if (parent) this.#parents.set(em, parent);
    else this.#parents.delete(em);
  }

  begin(em: object, transaction: object): TransactionLog {
    const parent = this.#parents.get(em);
    this.#parents.delete(em);
    const log = (parent && this.#logs.get(parent)) ?? new TransactionLog(transaction);
    if (log.root !== transaction) log.markSavepoint(transaction);
    this.#logs.set(transaction, log);
    return log;
  }

  of(transaction: object | undefined): TransactionLog | undefined {
    return transaction && this.#logs.get(transaction);
  }
}
