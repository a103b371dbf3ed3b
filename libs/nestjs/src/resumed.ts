import { isThenable } from './settle.js';

/** Runs a function in a frame. */
export type Open = <Result>(fn: () => Result) => Result;

/** What runs on only when somebody asks it to, which may be anywhere. */
export type Resumable = Generator | AsyncGenerator;

export function isResumable(value: unknown): value is Resumable {
  return /^\[object (Async)?Generator\]$/.test(Object.prototype.toString.call(value));
}

/** A generator runs in the frame whoever resumes it, wherever that is. */
export function resumedIn(enter: Open, generator: Resumable, end: () => void): Resumable {
  const resumed = Object.create(generator) as Resumable;
  for (const name of ['next', 'return', 'throw'] as const) {
    resumed[name] = ((value: unknown) => enter(() => endedBy(() => generator[name](value as never), end))) as never;
  }
  return resumed;
}

function endedBy(resume: () => unknown, end: () => void): unknown {
  const note = (step: unknown) => {
    if ((step as IteratorResult<unknown>).done) end();
    return step;
  };
  const fail = (error: unknown): never => {
    end();
    throw error;
  };
  try {
    const step = resume();
    return isThenable(step) ? Promise.resolve(step).then(note, fail) : note(step);
  } catch (error) {
    return fail(error);
  }
}
