import type { ServerResponse } from 'node:http';
import { Injectable, type NestMiddleware } from '@nestjs/common';
import { RevisionContext } from '@revy/mikro-orm';
import { type FramedRequest, isFramed, rememberFrame } from './request-frame.js';
import { reportLateFailure } from './run-in-frame.js';

/**
 * Opens a frame around a whole HTTP request, until its response is closed. It says nothing until the interceptor knows
 * what to say; after that it reaches what the interceptor's own frame does not: exception filters and streamed bodies.
 */
@Injectable()
export class RevyMiddleware implements NestMiddleware {
  use(request: FramedRequest, response: ServerResponse, next: () => void): void {
    if (isFramed(request)) return next();
    RevisionContext.run({}, () => {
      rememberFrame(request);
      next();
      return new Promise<void>(resolve => response.once('close', resolve));
    }).catch(reportLateFailure);
  }
}
