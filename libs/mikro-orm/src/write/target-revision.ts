import type { Frame } from '../context/frame.js';
import type { ResolvedValues } from '../context/frame-values.js';
import { Revision } from '../model/revision.entity.js';
import { UnusableRevisionError } from '../revy.errors.js';

/** The revision that a transaction writes into: a new one, or one that the context names. */
export interface TargetRevision {
  /** The id of a revision that is there already. */
  readonly id: number | undefined;
  /** The context's own revision object, whose values win over the context's. */
  readonly given: Revision | undefined;
  /** Ends the hold on a shared revision; with the id that it got if the transaction was committed. */
  readonly release: (id: number | undefined) => void;
}

const NEW_REVISION: TargetRevision = { id: undefined, given: undefined, release: () => {} };

/**
 * Revisions that contexts share between transactions. Only one transaction at a time may make one, so the others wait
 * for its COMMIT; they wait for nothing that could wait for them.
 */
export class SharedRevisions {
  readonly #made = new WeakMap<Frame, Revision>();
  readonly #busy = new WeakMap<Revision, Promise<void>>();

  async acquire(values: ResolvedValues): Promise<TargetRevision> {
    const given = this.#given(values);
    if (!given) return NEW_REVISION;
    while (given.id === undefined && this.#busy.has(given)) await this.#busy.get(given);
    if (given.id !== undefined) return { id: given.id, given, release: () => {} };
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#busy.set(given, promise);
    const release = (id: number | undefined) => {
      if (this.#busy.get(given) !== promise) return;
      if (id !== undefined) given.id = id;
      this.#busy.delete(given);
      resolve();
    };
    return { id: undefined, given, release };
  }

  #given({ revision: source, revisionOwner }: ResolvedValues): Revision | undefined {
    if (source === undefined || !revisionOwner) return undefined;
    const made = this.#made.get(revisionOwner);
    if (made) return made;
    const revision: unknown = typeof source === 'function' ? (source as () => object)() : source;
    if (!(revision instanceof Revision)) throw new UnusableRevisionError(nameOf(revision));
    if (typeof source === 'function') this.#made.set(revisionOwner, revision);
    return revision;
  }
}

function nameOf(value: unknown): string {
  if (value === null || typeof value !== 'object') return String(value);
  return value.constructor?.name ? `an object of class ${value.constructor.name}` : 'an object';
}
