import type { ExecutionContext } from '@nestjs/common';

/** Where authentication leaves who is calling. */
export interface Caller {
  readonly user?: object | null;
}

interface GraphqlContext extends Caller {
  readonly req?: Caller;
}

/** The HTTP request, the request behind a GraphQL operation, or the client of a WebSocket; nothing for a message. */
export function calledBy(context: ExecutionContext): Caller | undefined {
  switch (context.getType<'http' | 'ws' | 'rpc' | 'graphql'>()) {
    case 'http':
      return context.switchToHttp().getRequest<Caller>();
    case 'ws':
      return context.switchToWs().getClient<Caller>();
    case 'graphql': {
      const operation = context.getArgByIndex<GraphqlContext | undefined>(2);
      return operation?.req ?? operation;
    }
    default:
      return undefined;
  }
}
