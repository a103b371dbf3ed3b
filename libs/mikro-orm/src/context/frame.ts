import type { Attribution } from './attribution-value.js';
import { type ResolvedValues, resolveValues, type RevisionValues, unresolved } from './frame-values.js';

/** Counts the changes made to frames that others already inherit from; one for each tree of frames. */
interface Epoch {
  count: number;
}

/**
 * One level of the context.
 *
 * Values are resolved from the enclosing frame on first use and kept until a frame of the same tree changes, so a
 * lookup costs the same at any depth. State is `private`, not `#private`: frames of two copies of this package
 * can enclose each other, and must be able to read each other.
 */
export class Frame {
  private readonly own: RevisionValues;
  private readonly epoch: Epoch;
  private parent: Frame | undefined;
  private disabled: boolean | undefined;
  private hasInner = false;
  private resolved: ResolvedValues | undefined;
  private resolvedAt = -1;
  private ended = false;
  private disposed = false;
  private exits: (() => void)[] | undefined;
  private revisionHere: number | undefined;
  private revisionInside: number | undefined;

  constructor(parent: Frame | undefined, values: RevisionValues, disabled?: boolean) {
    this.parent = parent;
    this.own = { ...values };
    this.disabled = disabled;
    this.epoch = parent?.epoch ?? { count: 0 };
    if (parent) {
      parent.hasInner = true;
    }
  }

  /** What holds in this frame, with every enclosing frame taken into account. */
  get values(): ResolvedValues {
    if (this.resolved === undefined || this.resolvedAt !== this.epoch.count) {
      this.resolveFromOutermost();
    }
    return this.resolved!;
  }

  /** The same object for as long as it says the same. */
  get attribution(): Attribution {
    return this.values.attribution;
  }

  get isDisabled(): boolean {
    return this.values.isDisabled;
  }

  /** What this frame itself was told about being disabled, if anything. */
  get ownDisabled(): boolean | undefined {
    return this.disabled;
  }

  /** Its function or block is over. A timer that was started in it may still run in it. */
  get hasEnded(): boolean {
    return this.ended;
  }

  /** This frame, or the nearest enclosing one whose block is not over. */
  get live(): Frame | undefined {
    return this.disposed ? this.enclosing : this;
  }

  /** The nearest enclosing frame whose block is not over. */
  get enclosing(): Frame | undefined {
    while (this.parent?.disposed) {
      this.parent = this.parent.parent;
    }
    return this.parent;
  }

  /**
   * The revision that was recorded last in this frame or in one inside it, else in an enclosing one: there, what frames
   * beside this one recorded does not count.
   */
  get lastRevision(): number | undefined {
    if (this.revisionInside !== undefined) return this.revisionInside;
    for (let frame = this.parent; frame; frame = frame.parent) {
      if (frame.revisionHere !== undefined) return frame.revisionHere;
    }
    return undefined;
  }

  /** Called once a transaction has committed in this frame. */
  recorded(revision: number): void {
    this.revisionHere = revision;
    this.revisionInside = revision;
    for (let frame = this.parent; frame; frame = frame.parent) frame.revisionInside = revision;
  }

  set<Key extends keyof RevisionValues>(key: Key, value: RevisionValues[Key]): void {
    this.own[key] = value;
    this.changed();
  }

  unset(key: keyof RevisionValues): void {
    this.set(key, undefined);
  }

  /** Unsets the key here and in every enclosing frame. */
  reset(key: keyof RevisionValues): void {
    this.unset(key);
    for (let frame = this.enclosing; frame; frame = frame.enclosing) {
      frame.unset(key);
    }
  }

  setDisabled(disabled: boolean): void {
    this.disabled = disabled;
    this.changed();
  }

  /** Calls back once, when this frame ends. Not at all if it has ended already. */
  onExit(callback: () => void): void {
    if (!this.ended) {
      (this.exits ??= []).push(callback);
    }
  }

  /** Runs every exit callback, even if one of them throws; then throws what the first one threw. */
  end(): void {
    const exits = this.exits;
    this.exits = undefined;
    this.ended = true;
    if (exits) {
      callEach(exits);
    }
  }

  /** Ends the frame and takes its values away from whoever still runs in it. */
  dispose(): void {
    if (!this.disposed) {
      this.disposed = true;
      this.changed();
      this.end();
    }
  }

  private changed(): void {
    // Nobody inherits from a frame without inner frames, so the rest of the tree keeps what it has resolved.
    if (this.hasInner) {
      this.epoch.count += 1;
    }
    this.resolvedAt = -1;
  }

  /** Iterative, because ten thousand frames deep a recursion would overflow the stack. */
  private resolveFromOutermost(): void {
    const stale: Frame[] = [this];
    let frame = this.enclosing;
    while (frame && frame.resolvedAt !== this.epoch.count) {
      stale.push(frame);
      frame = frame.enclosing;
    }
    let outer = frame?.resolved ?? unresolved;
    for (let index = stale.length - 1; index >= 0; index -= 1) {
      outer = stale[index]!.resolveOver(outer);
    }
  }

  private resolveOver(outer: ResolvedValues): ResolvedValues {
    this.resolved = resolveValues(this, this.own, outer, this.resolved);
    this.resolvedAt = this.epoch.count;
    return this.resolved;
  }
}

function callEach(callbacks: readonly (() => void)[]): void {
  const failures: unknown[] = [];
  for (const callback of callbacks) {
    try {
      callback();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) {
    throw failures[0];
  }
}
