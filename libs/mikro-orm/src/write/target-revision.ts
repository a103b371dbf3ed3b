import { randomInt } from 'node:crypto';
import type { Frame } from '../context/frame.js';
import type { ResolvedValues } from '../context/frame-values.js';
import { Revision } from '../model/revision.entity.js';
import { UnusableRevisionError } from '../revy.errors.js';

/** The revision that a transaction is about to commit its deltas into. */
export interface TargetRevision {
  /** The id of a revision that is committed already; without one, the transaction makes its own. */
  readonly id: number | undefined;
  /** Lets others make it, or go on with the id that it got. */
  readonly release: (id: number | undefined) => void;
}

export const NEW_REVISION: TargetRevision = { id: undefined, release: () => {} };

/** What transactions agree on that share a revision which none of them has committed yet. */
interface Claim {
  /** Of an advisory lock; a number of another application's would only make somebody wait. */
  readonly lock: number;
  /** Settles with the transaction that is committing it. */
  holder: Promise<void> | undefined;
}

/**
 * Revisions that contexts share between transactions. One of them makes it, and who that is shows at its COMMIT, so the
 * others wait for that before they commit; for nothing else, and never while they still have work to do.
 */
export class SharedRevisions {
  readonly #made = new WeakMap<Frame, Revision>();
  readonly #claims = new WeakMap<Revision, Claim>();

  /** The revision that a context names; its function is called for it the first time. */
  given({ revision: source, revisionOwner }: ResolvedValues): Revision | undefined {
    if (source === undefined || !revisionOwner) return undefined;
    const made = this.#made.get(revisionOwner);
    if (made) return made;
    const revision: unknown = typeof source === 'function' ? (source as () => object)() : source;
    if (!(revision instanceof Revision)) throw new UnusableRevisionError(nameOf(revision));
    if (typeof source === 'function') this.#made.set(revisionOwner, revision);
    return revision;
  }

  /**
   * Waits until it is known whether another transaction has made it.
   *
   * The wait is the database's own, so that it finds deadlocks: the lock is given up by the end of the transaction that
   * holds it. Only then is waited here, for that transaction's answer, which is on its way.
   *
   * @param lock takes an advisory lock in the transaction that asks
   */
  async acquire(given: Revision, lock: (key: number) => Promise<void>): Promise<TargetRevision> {
    if (given.id === undefined) {
      const claim = this.#claimOf(given);
      await lock(claim.lock);
      await claim.holder;
      if (given.id === undefined) return hold(given, claim);
    }
    return { ...NEW_REVISION, id: given.id };
  }

  #claimOf(given: Revision): Claim {
    const claim = this.#claims.get(given) ?? { lock: randomInt(2 ** 47), holder: undefined };
    this.#claims.set(given, claim);
    return claim;
  }
}

function hold(given: Revision, claim: Claim): TargetRevision {
  const { promise, resolve } = Promise.withResolvers<void>();
  claim.holder = promise;
  const release = (id: number | undefined) => {
    // once only: an id that is known stays, and a later transaction may hold it by now
    if (claim.holder !== promise) return;
    claim.holder = undefined;
    if (id !== undefined) given.id = id;
    resolve();
  };
  return { id: undefined, release };
}

function nameOf(value: unknown): string {
  if (value === null || typeof value !== 'object') return String(value);
  return value.constructor?.name ? `an object of class ${value.constructor.name}` : 'an object';
}
