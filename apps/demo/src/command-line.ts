import { parseArgs } from 'node:util';
import { UsageError } from './demo.errors.js';

export interface DemoOptions {
  readonly repo: string | undefined;
  readonly file: string | undefined;
  readonly port: number;
  /** End after the tour instead of serving. */
  readonly isOnce: boolean;
  /** Measure the replay with and without tracking instead of the tour. */
  readonly isComparison: boolean;
  /** Check every commit by every way to read the past instead of the tour. */
  readonly isCheck: boolean;
  readonly isHelp: boolean;
}

export const HELP = `Usage: npm run demo -- [options]

Replays a git history into a document library, one commit = one revision, checks every
snapshot against git, shows what a history can tell, and keeps serving it over HTTP.

  --repo DIR    replay this git repository (default: the one that the demo stands in)
  --file FILE   replay a history file, .jsonl or .jsonl.gz (see apps/demo/README.md)
  --once        end after the tour instead of serving
  --port N      the port to serve on (default: 3000, or a free one if it is taken)
  --compare     measure the replay with and without tracking, instead of the tour
  --check       read every document at every commit by three ways, instead of the tour
  --help        show this

DATABASE_URL, if set, names the PostgreSQL server to use: the demo recreates its own database
"revy_demo" there. If not set, an embedded one is started, which keeps its data in .revy/.
`;

/** What the arguments ask for. Throws a {@link UsageError} when they ask for what there is not. */
export function parseCommandLine(argv: readonly string[]): DemoOptions {
  const values = parse(argv);
  if (values.repo !== undefined && values.file !== undefined) {
    throw new UsageError('--repo and --file exclude each other: there is one history to replay.');
  }
  return {
    repo: values.repo,
    file: values.file,
    port: parsePort(values.port),
    isOnce: values.once ?? false,
    isComparison: values.compare ?? false,
    isCheck: values.check ?? false,
    isHelp: values.help ?? false,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        repo: { type: 'string' },
        file: { type: 'string' },
        port: { type: 'string' },
        once: { type: 'boolean' },
        compare: { type: 'boolean' },
        check: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    // Node's own words name the argument and the remedy, up to the first full stop.
    const [problem = ''] = (error as Error).message.split('. ');
    throw new UsageError(`${problem.replace(/\.$/, '')}.`);
  }
}

function parsePort(text = '3000'): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new UsageError(`--port takes a number from 0 to 65535, not "${text}".`);
  }
  return port;
}
