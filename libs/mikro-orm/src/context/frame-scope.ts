import type { Frame } from './frame.js';
import { isStored, runStored, store } from './frame-store.js';

/** Runs `fn` in the frame and ends the frame with it: on return, when its promise settles, or when it throws. */
export function runInFrame<Result>(frame: Frame, fn: () => Result): Result {
  return runStored(frame, () => {
    let result: Result;
    try {
      result = fn();
    } catch (error) {
      endQuietly(frame);
      throw error;
    }
    // Inside the frame, because a lazy thenable, such as a query builder, only starts to work when `then` is called.
    if (isThenable(result)) {
      return Promise.resolve(result).then(
        value => {
          frame.end();
          return value;
        },
        (error: unknown) => {
          endQuietly(frame);
          throw error;
        },
      ) as Result;
    }
    frame.end();
    return result;
  });
}

/** Makes the frame current until it is disposed; disposing twice does nothing. */
export function enterFrame(frame: Frame): Disposable {
  store(frame);
  return {
    [Symbol.dispose]() {
      try {
        frame.dispose();
      } finally {
        // Elsewhere the frame may still be stored, for instance in whoever called this async function: they
        // look it up, find it disposed and see what encloses it.
        if (isStored(frame)) {
          store(frame.enclosing);
        }
      }
    },
  };
}

/** The function's own error is what the caller must see, so a failing exit callback gives way to it. */
function endQuietly(frame: Frame): void {
  try {
    frame.end();
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error));
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
