const LIBRARY = /[\\/]node_modules[\\/](?:@mikro-orm|@revy|kysely)[\\/]|\(?node:/;
const PLACE = /:\d+:\d+\)?$/;
const OWN_FILE = /([^\s(]*)bypass[\\/]call-site\.[jt]s:\d+:\d+\)?$/;

/** The line of the application that is being run: the innermost one that is neither ours, nor the ORM's, nor Node's. */
export function callSite(): string | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 50;
  const { stack = '' } = new Error();
  Error.stackTraceLimit = limit;
  const frames = stack.split('\n').slice(1);
  // asked of the stack, and not of import.meta, because source maps give files other names
  const ours = OWN_FILE.exec(frames[0] ?? '')?.[1];
  const isOurs = (frame: string) => ours !== undefined && frame.includes(ours);
  const user = frames.find(frame => PLACE.test(frame) && !LIBRARY.test(frame) && !isOurs(frame));
  return user?.trim().replace(/^at (?:async )?/, '');
}
