import type { EntityManager } from '@mikro-orm/core';
import type { Frame } from '../context/frame.js';
import type { Draft } from '../delta/draft.js';
import type { TargetRevision } from './target-revision.js';

/** Rows that were written before the COMMIT: somebody read the history inside the transaction, or it is a long one. */
export interface EarlyWrite {
  /** How many drafts of the log, counted from its start, they hold. */
  readonly drafts: number;
  /** Nothing that follows is merged into them any more. */
  readonly isFinal: boolean;
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
  /** The entity manager that began it. */
  em: EntityManager | undefined;
  /** The frame of the first flush that had something to record. */
  frame: Frame | undefined;
  /** Chosen when there is something to write for the first time; released once the transaction is over. */
  target: TargetRevision | undefined;
  #drafts: Draft[] = [];
  /** By position: what was written for good, and comes back if the savepoint is rolled back that it was written in. */
  readonly #kept: Draft[] = [];
  readonly #writes: EarlyWrite[] = [];
  readonly #marks = new Map<object, Mark>();

  constructor(readonly root: object) {}

  /** Without those that were written for good. */
  get drafts(): readonly Draft[] {
    return this.#drafts;
  }

  get #start(): number {
    return this.#writes.findLast(write => write.isFinal)?.drafts ?? 0;
  }

  /** How many drafts there have been, counted from its start. */
  get end(): number {
    return this.#start + this.#drafts.length;
  }

  /** The rows that are in the tables now, if any were written early. */
  get earlyWrite(): EarlyWrite | undefined {
    return this.#writes.at(-1);
  }

  get hasFinalWrite(): boolean {
    return this.#writes.some(write => write.isFinal);
  }

  /** Whether there is anything that the tables do not have yet. */
  get isPending(): boolean {
    return this.end > (this.earlyWrite?.drafts ?? 0);
  }

  add(drafts: readonly Draft[], frame: Frame | undefined): void {
    if (drafts.length > 0) this.frame ??= frame;
    for (const draft of drafts) this.#drafts.push(draft);
  }

  wroteEarly(write: EarlyWrite): void {
    this.#writes.push(write);
  }

  /** Lets go of what has just been written early: later changes of the same objects become deltas of their own. */
  letGo(): void {
    const write = this.earlyWrite;
    if (!write || write.isEmpty || this.isPending) return;
    const start = this.#start;
    const marked = Math.max(0, ...[...this.#marks.values()].map(mark => mark.drafts));
    this.#drafts.slice(0, Math.max(0, marked - start)).forEach((draft, index) => (this.#kept[start + index] = draft));
    this.#writes[this.#writes.length - 1] = { ...write, isFinal: true };
    this.#drafts = [];
  }

  markSavepoint(savepoint: object): void {
    this.#marks.set(savepoint, { drafts: this.end, writes: this.#writes.length });
  }

  rollBackTo(savepoint: object): void {
    const mark = this.#marks.get(savepoint);
    if (!mark) return;
    const start = this.#start;
    this.#writes.length = mark.writes;
    if (this.#start < start) this.#drafts = this.#kept.slice(this.#start, mark.drafts);
    else this.#drafts.length = mark.drafts - start;
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
    log.em ??= em as EntityManager;
    if (log.root !== transaction) log.markSavepoint(transaction);
    this.#logs.set(transaction, log);
    return log;
  }

  of(transaction: object | undefined): TransactionLog | undefined {
    return transaction && this.#logs.get(transaction);
  }
}
