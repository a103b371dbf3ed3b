import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { DemoError } from '../demo.errors.js';

const runFile = promisify(execFile);

// What a hook or an outer git sets, and what would send our commands to another repository than the one asked for.
const MISLEADING = [
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_OBJECT_DIRECTORY',
  'GIT_COMMON_DIR',
  'GIT_PREFIX',
];

export function gitEnvironment(): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env, LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0' };
  for (const name of MISLEADING) {
    delete environment[name];
  }
  return environment;
}

/** What a short git command prints. Throws what git says when it fails. */
export async function git(directory: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await runFile('git', ['-C', directory, ...args], { env: gitEnvironment() });
    return stdout.trim();
  } catch (cause) {
    throw gitError(directory, cause as NodeJS.ErrnoException & { stderr?: string });
  }
}

/** What a long git command prints, as it prints it. */
export async function* streamGit(directory: string, args: readonly string[]): AsyncGenerator<Buffer, void> {
  const child = spawn('git', ['-C', directory, ...args], { env: gitEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const closed = once(child, 'close') as Promise<[number | null]>;
  closed.catch(() => {});
  try {
    yield* child.stdout as AsyncIterable<Buffer>;
    const [code] = await closed;
    if (code !== 0) {
      throw gitError(directory, Object.assign(new Error(`git ended with code ${code}`), { stderr }));
    }
  } finally {
    child.kill();
  }
}

function gitError(directory: string, cause: NodeJS.ErrnoException & { stderr?: string }): DemoError {
  if (cause.code === 'ENOENT') {
    return new DemoError('Cannot read a git history: there is no `git` on this machine.', { cause });
  }
  const said = (cause.stderr?.trim() || cause.message).replace(/^fatal: /, '').replaceAll(/\s+/g, ' ');
  return new DemoError(`Cannot read the git history of ${directory}: git says "${said}".`, { cause });
}
