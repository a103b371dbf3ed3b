import { Logger } from '@nestjs/common';
import { RevisionContext, type RevisionValues } from '@revy/mikro-orm';
import { AsyncLocalStorage } from 'node:async_hooks';
import { map, Observable, type Subscriber, type Subscription } from 'rxjs';
import { isResumable, type Open, resumedIn } from './resumed.js';

/** What holds during one call. */
export interface CallFrame {
  readonly values: RevisionValues;
  /** Whether the call's changes are left out of history. */
  readonly isDisabled: boolean;
}

/**
 * Runs a handler in a frame that lasts as long as its Observable: until it completes, fails, or nobody listens any
 * more, as when the client of a server-sent event stream goes away.
 *
 * `handle` has to be called in the frame, because Nest captures the async scope there, and its result subscribed to in
 * the frame, because the handler's own Observable runs in the scope of its subscription.
 */
export function runInFrame<Value>(frame: CallFrame, handle: () => Observable<Value>): Observable<Value> {
  return new Observable<Value>(subscriber => subscribeInFrame(fn => openFrame(frame, fn), handle, subscriber));
}

/**
 * Makes an Observable and subscribes to it, in a frame that lasts as long as the subscription, and as the generators
 * that come out of it: a GraphQL subscription is one.
 */
export function subscribeInFrame<Value>(
  open: Open,
  handle: () => Observable<Value>,
  subscriber: Subscriber<Value>,
): Subscription | undefined {
  let subscription: Subscription | undefined;
  const call = () => {
    const lasting: Promise<void>[] = [new Promise(end => subscriber.add(end))];
    const inFrame = map((value: Value) => resumedInFrame(value, lasting));
    subscription = handle().pipe(inFrame).subscribe(subscriber);
    return lasting[0]!.then(() => Promise.all(lasting)).then(() => undefined);
  };
  open(call).catch(reportLateFailure);
  return subscription;
}

function resumedInFrame<Value>(value: Value, lasting: Promise<void>[]): Value {
  if (!isResumable(value)) return value;
  const { promise, resolve } = Promise.withResolvers<void>();
  lasting.push(promise);
  return resumedIn(AsyncLocalStorage.snapshot(), value, resolve) as Value;
}

/** Runs a function in the frame of a call. */
export function openFrame<Result>({ values, isDisabled }: CallFrame, fn: () => Result): Result {
  return RevisionContext.run(values, isDisabled ? () => RevisionContext.runDisabled(fn) : fn);
}

/** By the time a frame ends, the call's result is on its way: only the log is left to tell. */
export function reportLateFailure(error: unknown): void {
  new Logger('RevyModule').error('Cannot credit the last changes of a call: its frame failed to end.', error);
}
