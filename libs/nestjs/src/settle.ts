/** Yields what may be a promise, and is given its value back. */
export type Steps<Result> = Generator<unknown, Result, never>;

/** Goes through steps, without a promise for as long as none of them is one: a sync method stays sync. */
export function settle<Result>(steps: Steps<Result>): Result | Promise<Result> {
  const goOn = (value?: unknown): Result | Promise<Result> => {
    let step = steps.next(value as never);
    while (!step.done) {
      if (isThenable(step.value)) return Promise.resolve(step.value).then(goOn);
      step = steps.next(step.value as never);
    }
    return step.value;
  };
  return goOn();
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
