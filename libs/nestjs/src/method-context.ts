import type { ExecutionContext, Type } from '@nestjs/common';

/** A call of a method that Nest knows nothing of, in the form in which resolvers are asked; its type is `'method'`. */
export function methodContext(
  instance: object,
  // oxlint-disable-next-line typescript/no-unsafe-function-type -- Nest's own type of a handler
  handler: Function,
  args: readonly unknown[],
): ExecutionContext {
  const at = (index: number) => args[index];
  return {
    getClass: () => instance.constructor as Type,
    getHandler: () => handler,
    getArgs: () => [...args],
    getArgByIndex: at,
    getType: () => 'method',
    switchToHttp: () => ({ getRequest: () => at(0), getResponse: () => at(1), getNext: () => at(2) }),
    switchToRpc: () => ({ getData: () => at(0), getContext: () => at(1) }),
    switchToWs: () => ({ getClient: () => at(0), getData: () => at(1), getPattern: () => handler.name }),
  } as ExecutionContext;
}
