import { AsyncLocalStorage } from 'node:async_hooks';
import type { Frame } from './frame.js';

// Kept on globalThis so that two copies of this package (two releases in one node_modules) share their frames.
const storageKey = Symbol.for('revy.frames');

const registry = globalThis as { [storageKey]?: AsyncLocalStorage<Frame | undefined> };

const storage = (registry[storageKey] ??= new AsyncLocalStorage<Frame | undefined>());

/** The innermost frame whose block is not over. */
export function currentFrame(): Frame | undefined {
  return storage.getStore()?.live;
}

/** Whether nothing was entered or left since this frame was made current. */
export function isStored(frame: Frame): boolean {
  return storage.getStore() === frame;
}

/** Runs `fn`, and everything that it starts, in this frame, or outside of every frame. */
export function runStored<Result>(frame: Frame | undefined, fn: () => Result): Result {
  return storage.run(frame, fn);
}

/** Makes the frame current for the rest of the present execution; the only way that a `using` block has. */
export function store(frame: Frame | undefined): void {
  storage.enterWith(frame);
}
