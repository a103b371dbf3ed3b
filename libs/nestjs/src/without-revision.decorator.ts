import { Reflector } from '@nestjs/core';

export const WithoutRevisionMark = Reflector.createDecorator<true>();

/**
 * Leaves the changes of a handler, or of all handlers of a class, out of history, as `RevisionContext.runDisabled` does.
 * The actor is resolved all the same: for the handler's parameters, and for `RevisionContext.runEnabled` inside it.
 */
export function WithoutRevision(): ClassDecorator & MethodDecorator {
  return WithoutRevisionMark(true);
}
