import { Logger } from '@nestjs/common';
import { RevisionContext, type RevisionValues } from '@revy/mikro-orm';
import { Observable, type Subscriber, type Subscription } from 'rxjs';

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

/** Makes an Observable and subscribes to it, in a frame that lasts as long as the subscription. */
export function subscribeInFrame<Value>(
  open: <Result>(fn: () => Result) => Result,
  handle: () => Observable<Value>,
  subscriber: Subscriber<Value>,
): Subscription | undefined {
  let subscription: Subscription | undefined;
  const call = () => {
    subscription = handle().subscribe(subscriber);
    return new Promise<void>(resolve => subscriber.add(resolve));
  };
  open(call).catch(reportLateFailure);
  return subscription;
}

/** Runs a function in the frame of a call. */
export function openFrame<Result>({ values, isDisabled }: CallFrame, fn: () => Result): Result {
  return RevisionContext.run(values, isDisabled ? () => RevisionContext.runDisabled(fn) : fn);
}

/** By the time a frame ends, the call's result is on its way: only the log is left to tell. */
export function reportLateFailure(error: unknown): void {
  new Logger('RevyModule').error('Cannot credit the last changes of a call: its frame failed to end.', error);
}
