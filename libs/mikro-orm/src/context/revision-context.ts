import { ContextOutsideFrameError } from '../revy.errors.js';
import { Frame } from './frame.js';
import { enterFrame, runInFrame } from './frame-scope.js';
import { currentFrame } from './frame-store.js';
import type { RevisionValues } from './frame-values.js';

/**
 * Says who makes changes and why, for everything that runs inside a function, sync or async.
 *
 * Frames nest: an inner key overrides the outer one, `metadata` is merged, and the rest shows through. Values are
 * read when a change is made, not when it is flushed. Needs no database.
 *
 * ```ts
 * await RevisionContext.run({ actor: user, revisionDescription: 'import' }, async () => {
 *   post.title = 'New';
 *   RevisionContext.run({ actor: null }, () => { post.slug = 'new'; });
 *   await em.flush(); // title by user, slug by the system, one revision
 * });
 * ```
 */
export abstract class RevisionContext {
  /** Whether a frame is open here; also true in a frame that is disabled. */
  static get isActive(): boolean {
    return currentFrame() !== undefined;
  }

  /** Whether changes made here are left out of history. False outside every frame. */
  static get isDisabled(): boolean {
    return currentFrame()?.isDisabled ?? false;
  }

  /**
   * Runs a function in a frame of its own.
   *
   * @param values what the frame says; absent and `undefined` keys leave the enclosing frame's value in force, `null` does not
   * @returns what `fn` returns; for a promise, one that settles after the frame has ended
   */
  static run<Result>(values: RevisionValues, fn: () => Result): Result {
    return runInFrame(new Frame(currentFrame(), values), fn);
  }

  /**
   * Opens a frame for the rest of a block: `using frame = RevisionContext.enter({ actor })`.
   *
   * When the block is over nobody sees the frame any more: not the caller, not a timer started in the block. Until
   * then, in an async function, the caller sees it too in what it starts in the same tick, such as the next
   * branch of a `Promise.all`. Give branches that run side by side a {@link RevisionContext.run} each.
   */
  static enter(values: RevisionValues): Disposable {
    return enterFrame(new Frame(currentFrame(), values));
  }

  /** What holds here for a key: the innermost frame's say, or `undefined` where no frame says anything. */
  static get<Key extends keyof RevisionValues>(key: Key): RevisionValues[Key] {
    return currentFrame()?.values[key];
  }

  /**
   * Sets a key in the innermost frame. Frames inside it that do not set the key themselves see the change.
   *
   * @throws {ContextOutsideFrameError} if no frame is open
   */
  static set<Key extends keyof RevisionValues>(key: Key, value: RevisionValues[Key]): void {
    frameFor(key).set(key, value);
  }

  /**
   * Clears a key in the innermost frame, so that the enclosing frame's value shows through again.
   *
   * @throws {ContextOutsideFrameError} if no frame is open
   */
  static unset(key: keyof RevisionValues): void {
    frameFor(key).unset(key);
  }

  /**
   * Clears a key in the innermost frame and in all enclosing ones.
   *
   * @throws {ContextOutsideFrameError} if no frame is open
   */
  static reset(key: keyof RevisionValues): void {
    frameFor(key).reset(key);
  }

  /**
   * Leaves what follows in the innermost frame out of history.
   *
   * @throws {ContextOutsideFrameError} if no frame is open
   */
  static disable(): void {
    frameFor('isDisabled').setDisabled(true);
  }

  /**
   * Records again what follows in the innermost frame.
   *
   * @throws {ContextOutsideFrameError} if no frame is open
   */
  static enable(): void {
    frameFor('isDisabled').setDisabled(false);
  }

  /** Runs a function whose changes are left out of history, in a frame of its own. Returns what `fn` returns. */
  static runDisabled<Result>(fn: () => Result): Result {
    return runInFrame(new Frame(currentFrame(), {}, true), fn);
  }

  /** Runs a function whose changes are recorded even inside a disabled frame. Returns what `fn` returns. */
  static runEnabled<Result>(fn: () => Result): Result {
    return runInFrame(new Frame(currentFrame(), {}, false), fn);
  }
}

function frameFor(key: string): Frame {
  const frame = currentFrame();
  if (!frame) {
    throw new ContextOutsideFrameError(key);
  }
  return frame;
}
