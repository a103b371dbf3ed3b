import { AsyncLocalStorage } from 'node:async_hooks';
import type { ExecutionContext } from '@nestjs/common';
import { isObservable, Observable } from 'rxjs';

/**
 * Gives the handler of a stream of messages, as gRPC has it, one that tells them in the frame that is open here: they
 * come from a socket, which knows of no frame.
 */
export function frameMessages(context: ExecutionContext): void {
  if (context.getType() !== 'rpc') return;
  const [messages] = context.getArgs<[unknown]>();
  // Nest passes this array on to the handler
  if (isObservable(messages)) context.getArgs()[0] = toldInFrame(messages);
}

/** The same Observable, which has properties of Nest's, with another way to subscribe. */
function toldInFrame(messages: Observable<unknown>): Observable<unknown> {
  const enter = AsyncLocalStorage.snapshot();
  const told = new Observable(subscriber =>
    messages.subscribe({
      next: message => enter(() => subscriber.next(message)),
      error: (reason: unknown) => enter(() => subscriber.error(reason)),
      complete: () => enter(() => subscriber.complete()),
    }),
  );
  return Object.create(messages, { subscribe: { value: told.subscribe.bind(told) } }) as Observable<unknown>;
}
