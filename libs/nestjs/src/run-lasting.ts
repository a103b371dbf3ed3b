import { AsyncLocalStorage } from 'node:async_hooks';
import { isObservable, Observable } from 'rxjs';
import { reportLateFailure, subscribeInFrame } from './run-in-frame.js';
import { isResumable, type Open, type Resumable, resumedIn } from './resumed.js';
import { isThenable } from './settle.js';

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
