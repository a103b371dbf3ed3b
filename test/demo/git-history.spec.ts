import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chooseHistory } from '../../apps/demo/src/replay/choose-history.js';
import { foldTrees } from '../../apps/demo/src/replay/fold-trees.js';
import { GitHistory } from '../../apps/demo/src/replay/git-history.js';
import { parseRawLog } from '../../apps/demo/src/replay/parse-raw-log.js';
import { collect, GitRepository } from './git-repository.js';

const EMPTY_BLOB = 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391';

describe('a git history', () => {
  let repository: GitRepository;
  let history: GitHistory;
  const ids: string[] = [];

  beforeAll(async () => {
    repository = new GitRepository();
    repository.write('readme.md', 'hello').write('src/a file', 'aa').write('empty', '');
    ids.push(repository.commit('Ada Ünal', 'first | with a bar'));
    ids.push(repository.commit('Ada Ünal', 'nothing'));
    repository.write(':colon', 'c').write('line\nfeed', 'l').write(Buffer.from('latin1-\xe9', 'latin1'), 'x');
    repository.git('mv', 'src/a file', 'src/b "file"');
    ids.push(repository.commit('Bela', 'odd names'));
    repository.git('switch', '-q', '-c', 'side');
    repository.write('side.md', 'side');
    repository.commit('Chidi', 'on a side branch');
    repository.git('switch', '-q', 'main');
    repository.write('readme.md', 'hello again');
    ids.push(repository.commit('Ada Ünal', 'on main'));
    repository.git('merge', '-q', '--no-ff', '-m', 'merge side', 'side');
    ids.push(repository.git('rev-parse', 'HEAD'));
    repository.remove('empty').git('update-index', '--add', '--cacheinfo', `160000,${ids[0]},sub`);
    repository.git('rm', '-q', '--cached', 'empty');
    repository.git('update-index', '--chmod=+x', 'readme.md');
    repository.git('commit', '-q', '--author=Bela <b@example.org>', '-m', 'last');
    ids.push(repository.git('rev-parse', 'HEAD'));
    history = await GitHistory.open(repository.directory);
  });

  afterAll(() => repository[Symbol.dispose]());

  it('follows the first parents from the first commit to HEAD', async () => {
    const commits = await collect(history.commits());
    expect(commits.map(({ number, id, author, subject }) => ({ number, id, author, subject }))).toEqual([
      { number: 1, id: ids[0], author: 'Ada Ünal', subject: 'first | with a bar' },
      { number: 2, id: ids[1], author: 'Ada Ünal', subject: 'nothing' },
      { number: 3, id: ids[2], author: 'Bela', subject: 'odd names' },
      { number: 4, id: ids[3], author: 'Ada Ünal', subject: 'on main' },
      { number: 5, id: ids[4], author: 'Someone', subject: 'merge side' },
      { number: 6, id: ids[5], author: 'Bela', subject: 'last' },
    ]);
    expect(commits[0]?.at).toEqual(new Date('2025-01-01T01:00:00Z'));
    expect(await history.countCommits()).toBe(6);
  });

  it('reads odd names, renames, sizes and submodules', async () => {
    const [first, second, third, , merge, last] = await collect(history.commits());
    expect(first?.changes).toEqual([
      { op: 'add', path: 'empty', mode: '100644', blob: EMPTY_BLOB, size: 0 },
      { op: 'add', path: 'readme.md', mode: '100644', blob: 'b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0', size: 5 },
      { op: 'add', path: 'src/a file', mode: '100644', blob: '7ec9a4b774e2472d8e38bc18a3aa1912bacf483e', size: 2 },
    ]);
    expect(second?.changes).toEqual([]);
    expect(third?.changes.map(({ op, path }) => `${op} ${path}`).sort()).toEqual([
      'add :colon',
      String.raw`add latin1-\xe9`,
      'add line\nfeed',
      'add src/b "file"',
      'delete src/a file',
    ]);
    expect(merge?.changes.map(({ op, path }) => `${op} ${path}`)).toEqual(['add side.md']);
    expect(last?.changes).toEqual([
      { op: 'delete', path: 'empty' },
      { op: 'modify', path: 'readme.md', mode: '100755', blob: expect.any(String), size: 11 },
      { op: 'add', path: 'sub', mode: '160000', blob: ids[0], size: null },
    ]);
  });

  it('adds up to what git ls-tree says at every commit', async () => {
    const folded = await collect(foldTrees(history.commits(), ids));
    const listed = await collect(history.trees(ids));
    expect(listed).toHaveLength(6);
    expect(folded).toEqual(listed);
    expect([...listed[5]!.tree.keys()].sort()).toEqual(
      [':colon', String.raw`latin1-\xe9`, 'line\nfeed', 'readme.md', 'side.md', 'src/b "file"', 'sub'].sort(),
    );
  });

  it('says that a shallow clone is one', async () => {
    const clone = mkdtempSync(path.join(os.tmpdir(), 'revy-demo-clone-'));
    repository.git('clone', '-q', '--depth', '1', `file://${repository.directory}`, clone);
    const shallow = await GitHistory.open(clone);
    expect(shallow.remark).toBe(
      'This clone is shallow: its first commit stands for all before it. `git fetch --unshallow` brings the rest.',
    );
    expect(await collect(shallow.commits())).toHaveLength(1);
    rmSync(clone, { recursive: true });
  });
});

describe('a choice of a history', () => {
  const cwd = mkdtempSync(path.join(os.tmpdir(), 'revy-demo-cwd-'));
  afterAll(() => rmSync(cwd, { recursive: true }));

  it('says what is wrong with the directory that was asked for', async () => {
    await expect(chooseHistory({ repo: 'nowhere', cwd, home: cwd })).rejects.toThrow(
      `Cannot read the git history of ${cwd}/nowhere: there is no such directory.`,
    );
    await expect(chooseHistory({ repo: '.', cwd, home: cwd })).rejects.toThrow(
      `Cannot read the git history of ${cwd}: git says "not a git repository (or any of the parent directories): .git".`,
    );
    using empty = new GitRepository();
    await expect(chooseHistory({ repo: empty.directory, cwd, home: cwd })).rejects.toThrow(
      `There is nothing to replay in ${empty.directory}: the repository has no commits yet.`,
    );
  });

  it('generates the same small history on every run where there is no git, and says so', async () => {
    const history = await chooseHistory({ cwd, home: cwd });
    expect(history.title).toBe('a generated history');
    expect(history.remark).toBe(
      `Cannot read the git history of ${cwd}: git says "not a git repository (or any of the parent directories): .git". ` +
        'A small generated history takes its place.',
    );
    const commits = await collect(history.commits());
    expect(commits).toHaveLength(await history.countCommits());
    expect(commits).toEqual(await collect((await chooseHistory({ cwd, home: cwd })).commits()));
    expect(new Set(commits.flatMap(commit => commit.changes.map(change => change.op)))).toEqual(
      new Set(['add', 'modify', 'delete']),
    );
  });
});

describe('the parser of git log --raw', () => {
  it('reads tokens that are cut anywhere between two chunks', async () => {
    const zeros = '0'.repeat(40);
    const output =
      `commit\x1f${EMPTY_BLOB}\x1f2025-01-01T00:00:00Z\x1fAda\x1fa \x1f b\0\n` +
      `:000000 100644 ${zeros} ${EMPTY_BLOB} A\0ü\0:100644 120000 ${EMPTY_BLOB} ${EMPTY_BLOB} T\0commit\x1f\0`;
    async function* cutInto(bytes: number) {
      const buffer = Buffer.from(output);
      for (let start = 0; start < buffer.length; start += bytes) {
        yield buffer.subarray(start, start + bytes);
      }
    }
    for (const bytes of [1, 7, 10_000]) {
      const [commit] = await collect(parseRawLog(cutInto(bytes)));
      expect(commit).toMatchObject({ author: 'Ada', subject: 'a   b' });
      expect(commit?.changes).toEqual([
        { op: 'add', path: 'ü', mode: '100644', blob: EMPTY_BLOB },
        { op: 'modify', path: 'commit\x1f', mode: '120000', blob: EMPTY_BLOB },
      ]);
    }
  });
});
