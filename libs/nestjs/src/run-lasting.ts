import { AsyncLocalStorage } from 'node:async_hooks';
import { isObservable, Observable } from 'rxjs';
import { reportLateFailure, subscribeInFrame } from './run-in-frame.js';
import { isThenable } from './settle.js';

/** Runs a function in a frame of its own. */
export type Open = <Result>(fn: () => Result) => Result;

type Resumable = Generator | AsyncGenerator;

/**
 * Calls a method in a frame that lasts as long as what the method returns: a promise until it settles, a generator until
 * it is through. An Observable gets a frame of its own for each of its subscriptions.
 */
export function runLasting(open: Open, call: () => unknown): unknown {
  let lasting: Resumable | undefined;
  const result = open(() => {
    const returned = call();
    if (!isResumable(returned)) return returned;
    return new Promise<void>(end => {
      lasting = resumedIn(AsyncLocalStorage.snapshot(), returned, end);
    });
  });
  if (lasting) {
    (result as Promise<void>).catch(reportLateFailure);
    return lasting;
  }
  const observed = (value: unknown) => (isObservable(value) ? subscribedIn(open, value) : value);
  return isThenable(result) ? Promise.resolve(result).then(observed) : observed(result);
}

function subscribedIn(open: Open, observable: Observable<unknown>): Observable<unknown> {
  return new Observable(subscriber => subscribeInFrame(open, () => observable, subscriber));
}

function isResumable(value: unknown): value is Resumable {
  return /^\[object (Async)?Generator\]$/.test(Object.prototype.toString.call(value));
}

/** A generator runs in the frame whoever resumes it, wherever that is. */
function resumedIn(enter: Open, generator: Resumable, end: () => void): Resumable {
  const resumed = Object.create(generator) as Resumable;
  for (const name of ['next', 'return', 'throw'] as const) {
    resumed[name] = ((value: unknown) => enter(() => endedBy(() => generator[name](value as never), end))) as never;
  }
  return resumed;
}

function endedBy(resume: () => unknown, end: () => void): unknown {
  const note = (step: unknown) => {
    if ((step as IteratorResult<unknown>).done) end();
    return step;
  };
  const fail = (error: unknown): never => {
    end();
    throw error;
  };
  try {
    const step = resume();
    return isThenable(step) ? Promise.resolve(step).then(note, fail) : note(step);
  } catch (error) {
    return fail(error);
  }
}
