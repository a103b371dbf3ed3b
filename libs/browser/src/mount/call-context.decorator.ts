import { createParamDecorator, type ExecutionContext } from '@nestjs/common';

/** The context of a call, for a handler that asks who is calling. */
export const CallContext = createParamDecorator((_: unknown, context: ExecutionContext) => context);
