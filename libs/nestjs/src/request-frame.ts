import type { IncomingMessage } from 'node:http';
import { AsyncLocalStorage } from 'node:async_hooks';
import type { ExecutionContext } from '@nestjs/common';
import { RevisionContext } from '@revy/mikro-orm';
import type { CallFrame } from './run-in-frame.js';

const frameOfRequest = Symbol.for('revy.nestjs.request');

/** A request as Node has it, around which the middleware has opened a frame. */
export type FramedRequest = IncomingMessage & { [frameOfRequest]?: (frame: CallFrame) => void };

/** Whether there is a frame around the request already: two modules may both have been asked for one. */
export function isFramed(request: FramedRequest): boolean {
  return request[frameOfRequest] !== undefined;
}

/** Remembers the frame that is open here as the request's. */
export function rememberFrame(request: FramedRequest): void {
  const enter = AsyncLocalStorage.snapshot();
  request[frameOfRequest] = frame => enter(() => fill(frame));
}

/**
 * Tells the frame around a whole HTTP request what its handler's frame says. Not for GraphQL: a request may have many
 * operations there.
 */
export function tellRequest(context: ExecutionContext, frame: CallFrame): void {
  if (context.getType() !== 'http') return;
  const request = context.switchToHttp().getRequest<FramedRequest & { readonly raw?: FramedRequest }>();
  (request.raw ?? request)[frameOfRequest]?.(frame);
}

function fill({ values, isDisabled }: CallFrame): void {
  RevisionContext.set('actor', values.actor);
  RevisionContext.set('revisionDescription', values.revisionDescription);
  RevisionContext.set('metadata', values.metadata);
  if (isDisabled) RevisionContext.disable();
}
