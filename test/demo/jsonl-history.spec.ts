import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from '@jest/globals';
import { foldTrees } from '../../apps/demo/src/replay/fold-trees.js';
import { JsonlHistory } from '../../apps/demo/src/replay/jsonl-history.js';
import { collect } from './git-repository.js';

const REAL_HISTORY = path.resolve(import.meta.dirname, '../../../shared/data/kysely-history.jsonl.gz');

const directory = mkdtempSync(path.join(os.tmpdir(), 'revy-demo-jsonl-'));
afterAll(() => rmSync(directory, { recursive: true }));

function save(name: string, content: string | Buffer): string {
  const file = path.join(directory, name);
  writeFileSync(file, content);
  return file;
}

const FIRST = {
  n: 1,
  at: '2025-01-01T00:00:00Z',
  author: 1,
  changes: [
    { op: 'A', path: 'docs', mode: '100644', blob: 'a1', size: 1 },
    { op: 'A', path: 'gone', mode: '100644', blob: 'b1', size: null },
  ],
};
const SECOND = {
  n: 2,
  at: '2025-01-02T00:00:00Z',
  author: 'Bela',
  changes: [
    { op: 'A', path: 'docs/index.md', mode: '100755', blob: 'c1', size: 3 },
    { op: 'D', path: 'docs' },
    { op: 'D', path: 'gone' },
  ],
};
const LINES = `${JSON.stringify(FIRST)}\n\n${JSON.stringify(SECOND)}\n`;

describe('a history file', () => {
  it.each([
    ['plain.jsonl', LINES],
    ['packed.jsonl.gz', gzipSync(LINES)],
  ])('is read as commits: %s', async (name, content) => {
    const history = await JsonlHistory.open(save(name, content));
    expect(history.title).toBe(name);
    expect(await history.countCommits()).toBe(2);
    expect(await collect(history.commits())).toEqual([
      {
        number: 1,
        id: '1',
        at: new Date('2025-01-01T00:00:00Z'),
        author: 'Author 1',
        subject: 'commit 1',
        changes: [
          { op: 'add', path: 'docs', mode: '100644', blob: 'a1', size: 1 },
          { op: 'add', path: 'gone', mode: '100644', blob: 'b1', size: null },
        ],
      },
      {
        number: 2,
        id: '2',
        at: new Date('2025-01-02T00:00:00Z'),
        author: 'Bela',
        subject: 'commit 2',
        changes: [
          { op: 'add', path: 'docs/index.md', mode: '100755', blob: 'c1', size: 3 },
          { op: 'delete', path: 'docs' },
          { op: 'delete', path: 'gone' },
        ],
      },
    ]);
  });

  it('knows its own truth at a commit', async () => {
    const history = await JsonlHistory.open(save('truth.jsonl', LINES));
    expect(await collect(history.trees(['2', '1']))).toEqual([
      {
        id: '1',
        tree: new Map([
          ['docs', { mode: '100644', blob: 'a1', size: 1 }],
          ['gone', { mode: '100644', blob: 'b1', size: null }],
        ]),
      },
      { id: '2', tree: new Map([['docs/index.md', { mode: '100755', blob: 'c1', size: 3 }]]) },
    ]);
  });

  it.each([
    ['{', 'it is not JSON'],
    ['7', 'it holds no object where one is needed'],
    ['{"at":"never"}', '"at" is not a time'],
    ['{"at":"2025-01-01"}', '"author" is neither a number nor a name'],
    ['{"at":"2025-01-01","author":1}', '"changes" is not a list'],
    ['{"at":"2025-01-01","author":1,"changes":[{}]}', 'a change has no "path"'],
    ['{"at":"2025-01-01","author":1,"changes":[{"op":"R","path":"a"}]}', 'the "op" of a is none of A, M and D'],
    ['{"at":"2025-01-01","author":1,"changes":[{"op":"M","path":"a"}]}', 'the "mode" or the "blob" of a is missing'],
  ])('says where it cannot be read: %s', async (line, problem) => {
    const file = save('broken.jsonl', `${JSON.stringify(FIRST)}\n${line}\n`);
    await expect(collect((await JsonlHistory.open(file)).commits())).rejects.toThrow(
      `Cannot replay line 2 of ${file}: ${problem}.`,
    );
  });

  it('says that it is empty, missing, a directory or cut off', async () => {
    const empty = save('empty.jsonl', '\n');
    await expect((await JsonlHistory.open(empty)).countCommits()).rejects.toThrow(
      `There is nothing to replay in ${empty}: it is empty.`,
    );
    const missing = path.join(directory, 'missing.jsonl');
    await expect(JsonlHistory.open(missing)).rejects.toThrow(
      `Cannot read the history ${missing}: ENOENT: no such file or directory, stat '${missing}'.`,
    );
    await expect(JsonlHistory.open(directory)).rejects.toThrow(
      `Cannot read the history ${directory}: it is not a file.`,
    );
    const packed = gzipSync(LINES.repeat(500));
    const cut = save('cut.jsonl.gz', packed.subarray(0, packed.length - 40));
    await expect((await JsonlHistory.open(cut)).countCommits()).rejects.toThrow(
      `Cannot read the history ${cut}: unexpected end of file.`,
    );
  });

  it('reads the history of kysely', async () => {
    if (!existsSync(REAL_HISTORY)) {
      console.warn(`Skipped: there is no ${REAL_HISTORY} here.`);
      return;
    }
    const history = await JsonlHistory.open(REAL_HISTORY);
    const commits = await collect(history.commits());
    expect(commits).toHaveLength(1444);
    expect(commits.reduce((sum, commit) => sum + commit.changes.length, 0)).toBe(32_226);
    const [last] = await collect(foldTrees(history.commits(), ['1444']));
    expect(last?.tree.size).toBe(781);
  });
});
