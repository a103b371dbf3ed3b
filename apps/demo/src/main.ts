import 'reflect-metadata';
import { HELP, parseCommandLine } from './command-line.js';
import { compareReplays } from './compare-replays.js';
import { startDemo } from './demo.js';
import { DemoError, UsageError } from './demo.errors.js';
import { recreateDatabase } from './recreate-database.js';
import { chooseHistory } from './replay/choose-history.js';
import { listen, showAddresses } from './serve.js';
import { Terminal } from './tour/terminal.js';

/** What the launcher hands over. */
export interface Launch {
  readonly argv: readonly string[];
  /** Starts a PostgreSQL server or names the one to use. Not called where none is needed, as for `--help`. */
  readonly openServer: () => Promise<string>;
  /** The directory that paths in `argv` are relative to. */
  readonly cwd: string;
  /** The repository that the demo stands in. */
  readonly home: string;
}

/** Runs the demo. Resolves to an exit code, or to `undefined` while it keeps serving. */
export async function main(launch: Launch): Promise<number | undefined> {
  const terminal = new Terminal(process.stdout);
  try {
    return await run(launch, terminal);
  } catch (error) {
    if (error instanceof DemoError) {
      terminal.line();
      terminal.failure(error.message);
      return error instanceof UsageError ? 2 : 1;
    }
    throw error;
  }
}

async function run({ argv, openServer, cwd, home }: Launch, terminal: Terminal): Promise<number | undefined> {
  const options = parseCommandLine(argv);
  if (options.isHelp) {
    terminal.line(HELP);
    return 0;
  }
  const { repo, file } = options;
  const history = await chooseHistory({ repo, file, cwd, home });
  if (options.isComparison) {
    await compareReplays(await openServer(), { repo, file, cwd, home }, terminal);
    return 0;
  }
  const databaseUrl = await recreateDatabase(await openServer(), 'revy_demo');
  const { isCheck } = options;
  const { app, isRight } = await startDemo(databaseUrl, history, { terminal, isCheck });
  if (options.isOnce || isCheck || !isRight) {
    await app.close();
    return isRight ? 0 : 1;
  }
  await showAddresses(app, await listen(app, options.port, terminal), terminal);
  return undefined;
}
