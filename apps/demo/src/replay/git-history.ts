import { stat } from 'node:fs/promises';
import path from 'node:path';
import { DemoError } from '../demo.errors.js';
import { BlobSizes } from './blob-sizes.js';
import type { Commit, CommitTree, FileChange, History } from './commit.js';
import { git, streamGit } from './git-command.js';
import { parseRawLog, RAW_LOG_ARGUMENTS, type RawCommit } from './parse-raw-log.js';
import { parseTree } from './parse-tree.js';

const SUBMODULE = '160000';

/** The first-parent history of a git repository, from its first commit to HEAD. */
export class GitHistory implements History {
  readonly truth = 'git ls-tree';

  private constructor(
    readonly title: string,
    readonly remark: string | undefined,
    private readonly directory: string,
    private readonly head: string,
  ) {}

  static async open(directory: string): Promise<GitHistory> {
    const isDirectory = await stat(directory).then(
      info => info.isDirectory(),
      () => false,
    );
    if (!isDirectory) {
      throw new DemoError(`Cannot read the git history of ${directory}: there is no such directory.`);
    }
    const gitDirectory = await git(directory, ['rev-parse', '--absolute-git-dir']);
    const name = path.basename(gitDirectory) === '.git' ? path.dirname(gitDirectory) : gitDirectory;
    const head = await git(directory, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}']).catch(() => {
      throw new DemoError(`There is nothing to replay in ${name}: the repository has no commits yet.`);
    });
    const isShallow = (await git(directory, ['rev-parse', '--is-shallow-repository'])) === 'true';
    const remark = isShallow
      ? 'This clone is shallow: its first commit stands for all before it. `git fetch --unshallow` brings the rest.'
      : undefined;
    return new GitHistory(`the git repository ${name}`, remark, directory, head);
  }

  async countCommits(): Promise<number> {
    return Number(await git(this.directory, ['rev-list', '--count', '--first-parent', this.head]));
  }

  async *commits(): AsyncGenerator<Commit, void> {
    using sizes = new BlobSizes(this.directory);
    let number = 0;
    for await (const raw of parseRawLog(streamGit(this.directory, [...RAW_LOG_ARGUMENTS, this.head]))) {
      number += 1;
      yield { ...raw, number, changes: await withSizes(raw, sizes) };
    }
  }

  async *trees(ids: readonly string[]): AsyncGenerator<CommitTree, void> {
    for (const id of ids) {
      const output = streamGit(this.directory, ['ls-tree', '-r', '-z', '-l', '--full-tree', id]);
      yield { id, tree: await parseTree(output) };
    }
  }
}

async function withSizes(commit: RawCommit, sizes: BlobSizes): Promise<FileChange[]> {
  const blobs = commit.changes.flatMap(change =>
    change.op === 'delete' || change.mode === SUBMODULE ? [] : [change.blob],
  );
  const known = (await sizes.of(blobs)).values();
  return commit.changes.map(change =>
    change.op === 'delete'
      ? change
      : { ...change, size: change.mode === SUBMODULE ? null : (known.next().value ?? null) },
  );
}
