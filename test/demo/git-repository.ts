import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const ENVIRONMENT = {
  ...process.env,
  GIT_CONFIG_GLOBAL: os.devNull,
  GIT_CONFIG_SYSTEM: os.devNull,
  GIT_AUTHOR_NAME: 'Someone',
  GIT_AUTHOR_EMAIL: 'someone@example.org',
  GIT_COMMITTER_NAME: 'Someone',
  GIT_COMMITTER_EMAIL: 'someone@example.org',
};

/** A git repository in a temporary directory, made by hand for one spec file. */
export class GitRepository implements Disposable {
  readonly directory = mkdtempSync(path.join(os.tmpdir(), 'revy-demo-git-'));
  private commits = 0;

  constructor() {
    this.git('init', '-q', '-b', 'main');
  }

  git(...args: string[]): string {
    const date = new Date(Date.UTC(2025, 0, 1, this.commits)).toISOString();
    const env = { ...ENVIRONMENT, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
    return execFileSync('git', args, { cwd: this.directory, env, encoding: 'utf8' }).trim();
  }

  write(name: string | Buffer, content: string): this {
    const root = Buffer.from(`${this.directory}/`);
    const file = Buffer.concat([root, Buffer.from(name)]);
    mkdirSync(file.subarray(0, file.lastIndexOf('/')), { recursive: true });
    writeFileSync(file, content);
    return this;
  }

  remove(name: string): this {
    rmSync(path.join(this.directory, name), { recursive: true });
    return this;
  }

  /** Commits everything; returns the commit's id. */
  commit(author: string, subject: string): string {
    this.commits += 1;
    this.git('add', '-A');
    this.git('commit', '-q', '--allow-empty', `--author=${author} <${this.commits}@example.org>`, '-m', subject);
    return this.git('rev-parse', 'HEAD');
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Everything that an async iterable yields. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) {
    collected.push(item);
  }
  return collected;
}
