import type { Frame } from '../context/frame.js';

/**
 * The entities that a frame has looked at.
 *
 * Weak on both sides: a worker that lives in one frame and clears its entity manager after each batch must not
 * keep what it has cleared.
 */
class WatchedEntities {
  #refs = new Set<WeakRef<object>>();
  readonly #known = new WeakSet<object>();
  #sweepAtSize = 64;

  add(entity: object): void {
    if (!this.#known.has(entity)) {
      this.#known.add(entity);
      this.#refs.add(new WeakRef(entity));
      this.#sweepIfLarge();
    }
  }

  *[Symbol.iterator](): Generator<object> {
    for (const ref of this.#refs) {
      const entity = ref.deref();
      if (entity) {
        yield entity;
      }
    }
  }

  #sweepIfLarge(): void {
    if (this.#refs.size >= this.#sweepAtSize) {
      this.#refs = new Set([...this.#refs].filter(ref => ref.deref() !== undefined));
      this.#sweepAtSize = Math.max(64, this.#refs.size * 2);
    }
  }
}

const watched = new WeakMap<Frame, WatchedEntities>();

/** What a frame has looked at; `onExit` is called with it once, when the frame ends. */
export function watchedBy(frame: Frame, onExit: (frame: Frame, entities: Iterable<object>) => void): WatchedEntities {
  let entities = watched.get(frame);
  if (!entities) {
    entities = new WatchedEntities();
    watched.set(frame, entities);
    const seen = entities;
    frame.onExit(() => onExit(frame, seen));
  }
  return entities;
}
