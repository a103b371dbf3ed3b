import type { EntityManager } from '@mikro-orm/core';
import type { Frame } from '../context/frame.js';
import type { Draft } from '../delta/draft.js';
import type { Revision } from '../model/revision.entity.js';
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
  readonly interruption: Interruption | undefined;
  readonly frame: Frame | undefined;
}

/** A write failed, and nobody can tell what it had done by then. */
export interface Interruption {
  readonly cause: unknown;
}

/** What one transaction has to record: the drafts of all its flushes, written once, right before its COMMIT. */
export class TransactionLog {
  /** The entity manager that began it. */
  em: EntityManager | undefined;
  /** The frame of the first flush that had something to record. */
  frame: Frame | undefined;
  /** The revision that the context named when there was something to write for the first time. */
  given: Revision | undefined;
  /** Chosen right before the COMMIT, and released once the transaction is over. */
  target: TargetRevision | undefined;
  /** Whether the COMMIT takes along what there is to write. */
  goesWithCommit = false;
  #interruption: Interruption | undefined;
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

  /** Set where rows were written that the history knows nothing of, and will not. */
  get interruption(): Interruption | undefined {
    return this.#interruption;
  }

  interrupt(cause: unknown): void {
    this.#interruption ??= { cause };
  }

  add(drafts: readonly Draft[], frame: Frame | undefined): void {
    if (drafts.length > 0) this.frame ??= frame;
    for (const draft of drafts) this.#drafts.push(draft);
  }

  wroteEarly(write: EarlyWrite): void {
    this.#writes.push(write);
  }

  /** What was written early lies in another revision now. */
  movedTo(revision: number): void {
    this.#writes.forEach((write, index) => (this.#writes[index] = { ...write, revision }));
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
    const { end: drafts, interruption, frame } = this;
    this.#marks.set(savepoint, { drafts, writes: this.#writes.length, interruption, frame });
  }

  rollBackTo(savepoint: object): void {
    const mark = this.#marks.get(savepoint);
    if (!mark) return;
    this.#interruption = mark.interruption;
    this.frame = mark.frame;
    const start = this.#start;
    this.#writes.length = mark.writes;
    if (this.#start < start) this.#drafts = this.#kept.slice(this.#start, mark.drafts);
    else this.#drafts.length = mark.drafts - start;
  }
}

/** What somebody holds in memory, and what tells him that it is not so any more. */
interface MemoryUpdate {
  readonly entities: readonly object[];
  readonly tell: () => void;
}

/** A transaction, or a savepoint in one. */
interface Scope {
  readonly log: TransactionLog;
  readonly outer: Scope | undefined;
  isRolledBack: boolean;
}

/** The logs of the running transactions, found by the transaction or by any savepoint in it. */
export class TransactionLogs {
  readonly #scopes = new WeakMap<object, Scope>();
  readonly #parents = new WeakMap<object, object>();
  /** Where each entity was written last. */
  readonly #written = new WeakMap<object, Scope>();
  readonly #outdated = new WeakSet();
  /** Whether anything was ever rolled back or outdated: until then, no entity has to be asked about. */
  #hasDoubts = false;

  /** MikroORM 7.2 names the parent only before the start and the savepoint only after it. */
  expect(em: object, parent: object | undefined): void {
    if (parent) this.#parents.set(em, parent);
    else this.#parents.delete(em);
  }

  begin(em: object, transaction: object): TransactionLog {
    const parent = this.#parents.get(em);
    this.#parents.delete(em);
    const outer = parent && this.#scopes.get(parent);
    const log = outer?.log ?? new TransactionLog(transaction);
    log.em ??= em as EntityManager;
    if (log.root !== transaction) log.markSavepoint(transaction);
    this.#scopes.set(transaction, { log, outer, isRolledBack: false });
    return log;
  }

  of(transaction: object | undefined): TransactionLog | undefined {
    return transaction && this.#scopes.get(transaction)?.log;
  }

  /** What the ORM then holds of the entity is true only if the transaction is not rolled back. */
  wrote(entity: object, transaction: object | undefined): void {
    const scope = transaction && this.#scopes.get(transaction);
    // an entity whose copy is in part of a rolled back transaction stays doubtful: nothing tells that it was loaded anew
    if (scope && !(this.#hasDoubts && this.#isRolledBack(entity))) this.#written.set(entity, scope);
  }

  /**
   * Tells entity managers what changed along with what they wrote. In a savepoint they are not told: from then on, nobody
   * believes what they hold of it.
   */
  tell({ entities, tell }: MemoryUpdate, transaction: object): void {
    tell();
    const isSavepoint = this.of(transaction)?.root !== transaction;
    for (const entity of entities) {
      if (isSavepoint) this.outdated(entity);
      else this.wrote(entity, transaction);
    }
  }

  rolledBack(transaction: object): void {
    const scope = this.#scopes.get(transaction);
    if (!scope) return;
    scope.isRolledBack = true;
    this.#hasDoubts = true;
  }

  /** Its row was written past the ORM's memory, which is not told of it. */
  outdated(entity: object): void {
    this.#outdated.add(entity);
    this.#hasDoubts = true;
  }

  /** Whether what the ORM holds of an entity may be something else than what its row holds. */
  isInDoubt(entity: object): boolean {
    return this.#hasDoubts && (this.#outdated.has(entity) || this.#isRolledBack(entity));
  }

  /** Whether it comes from a transaction, or a savepoint, that was rolled back. */
  #isRolledBack(entity: object): boolean {
    let scope = this.#written.get(entity);
    while (scope && !scope.isRolledBack) scope = scope.outer;
    return scope !== undefined;
  }
}
