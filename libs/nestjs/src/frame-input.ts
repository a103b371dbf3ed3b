import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import type { ExecutionContext } from '@nestjs/common';
import { isObservable, Observable } from 'rxjs';

type Enter = <Result>(fn: () => Result) => Result;
type Emit = EventEmitter['emit'] & { [before]?: EventEmitter['emit'] };

const before = Symbol('emit before it was framed');

/**
 * What a call goes on to receive while its handler runs, which comes from a socket that knows of no frame, arrives in the
 * frame that is open here: the body of a request, and the messages of a gRPC stream.
 *
 * @returns ends that
 */
export function frameInput(context: ExecutionContext): () => void {
  const input = inputOf(context);
  const enter = AsyncLocalStorage.snapshot();
  if (input instanceof EventEmitter) return emitInFrame(input, enter);
  // Nest passes this array on to the handler
  if (isObservable(input)) context.getArgs()[0] = toldInFrame(input, enter);
  return () => {};
}

function inputOf(context: ExecutionContext): unknown {
  if (context.getType() === 'rpc') return context.getArgs()[0];
  if (context.getType() !== 'http') return undefined;
  const request = context.switchToHttp().getRequest<{ readonly raw?: unknown }>();
  return request.raw ?? request;
}

/** A frame that is opened inside another one takes its place. */
function emitInFrame(emitter: EventEmitter & { emit: Emit }, enter: Enter): () => void {
  const own = Object.getOwnPropertyDescriptor(emitter, 'emit');
  const emit = emitter.emit[before] ?? emitter.emit;
  const framed = (...event: Parameters<Emit>) => enter(() => emit.apply(emitter, event));
  emitter.emit = Object.assign(framed, { [before]: emit });
  return () => {
    if (own) Object.defineProperty(emitter, 'emit', own);
    else Reflect.deleteProperty(emitter, 'emit');
  };
}

/** The same Observable, which has properties of Nest's, with another way to subscribe. */
function toldInFrame(messages: Observable<unknown>, enter: Enter): Observable<unknown> {
  const told = new Observable(subscriber =>
    messages.subscribe({
      next: message => enter(() => subscriber.next(message)),
      error: (reason: unknown) => enter(() => subscriber.error(reason)),
      complete: () => enter(() => subscriber.complete()),
    }),
  );
  return Object.create(messages, { subscribe: { value: told.subscribe.bind(told) } }) as Observable<unknown>;
}
