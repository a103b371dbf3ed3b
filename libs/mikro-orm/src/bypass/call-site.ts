import { fileURLToPath } from 'node:url';

const OURS = new URL('..', import.meta.url);
const LIBRARY = /[\\/]node_modules[\\/](?:@mikro-orm|@revy|kysely)[\\/]|\(?node:/;
const PLACE = /:\d+:\d+\)?$/;

/** The line of the application that is being run: the innermost one that is neither ours, nor the ORM's, nor Node's. */
export function callSite(): string | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 50;
  const { stack = '' } = new Error();
  Error.stackTraceLimit = limit;
  const ours = [OURS.href, fileURLToPath(OURS)];
  const frames = stack.split('\n').slice(1);
  const user = frames.find(
    frame => PLACE.test(frame) && !LIBRARY.test(frame) && !ours.some(folder => frame.includes(folder)),
  );
  return user?.trim().replace(/^at (?:async )?/, '');
}
