import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { DemoError } from '../demo.errors.js';
import type { Commit, CommitTree, History } from './commit.js';
import { foldTrees } from './fold-trees.js';
import { parseCommitLine } from './parse-commit-line.js';

/** A history in a file: one JSON object a line, gzipped or not. See `apps/demo/README.md` for the format. */
export class JsonlHistory implements History {
  readonly truth = "the file's own additions, changes and deletions";

  private constructor(
    readonly title: string,
    private readonly file: string,
  ) {}

  static async open(file: string): Promise<JsonlHistory> {
    const info = await stat(file).catch((cause: unknown) => {
      throw new DemoError(`Cannot read the history ${file}: ${(cause as Error).message}.`, { cause });
    });
    if (!info.isFile()) {
      throw new DemoError(`Cannot read the history ${file}: it is not a file.`);
    }
    return new JsonlHistory(path.basename(file), file);
  }

  async countCommits(): Promise<number> {
    let count = 0;
    for await (const line of this.lines()) {
      count += line.trim() === '' ? 0 : 1;
    }
    if (count === 0) {
      throw new DemoError(`There is nothing to replay in ${this.file}: it is empty.`);
    }
    return count;
  }

  async *commits(): AsyncGenerator<Commit, void> {
    let lineNumber = 0;
    let number = 0;
    for await (const line of this.lines()) {
      lineNumber += 1;
      if (line.trim() !== '') {
        number += 1;
        yield parseCommitLine(line, { number, place: `line ${lineNumber} of ${this.file}` });
      }
    }
  }

  trees(ids: readonly string[]): AsyncIterable<CommitTree> {
    return foldTrees(this.commits(), ids);
  }

  private async *lines(): AsyncGenerator<string, void> {
    const raw = createReadStream(this.file);
    const input: Readable = isGzipped(this.file) ? pipeline(raw, createGunzip(), () => {}) : raw;
    let rest = '';
    try {
      // Not readline: whether its iterator sees the errors of its input depends on the release of Node.
      for await (const text of input.setEncoding('utf8') as AsyncIterable<string>) {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        yield* lines;
      }
    } catch (cause) {
      throw new DemoError(`Cannot read the history ${this.file}: ${(cause as Error).message}.`, { cause });
    } finally {
      raw.destroy();
    }
    if (rest !== '') {
      yield rest;
    }
  }
}

function isGzipped(file: string): boolean {
  const start = Buffer.alloc(2);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, start, 0, 2, 0);
  } finally {
    closeSync(descriptor);
  }
  return start[0] === 0x1f && start[1] === 0x8b;
}
