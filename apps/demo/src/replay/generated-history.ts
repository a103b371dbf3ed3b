import { createHash } from 'node:crypto';
import type { Commit, CommitTree, FileChange, History } from './commit.js';
import { foldTrees } from './fold-trees.js';

const COMMITS = 120;
const AUTHORS = ['Ada', 'Bela', 'Chidi', 'Dana', 'Emre', 'Femi'];
const FOLDERS = ['', 'docs/', 'docs/guides/', 'src/', 'src/reading/', 'src/writing/', 'test/'];
const NAMES = ['index', 'plan', 'notes', 'model', 'query', 'report', 'summary', 'table', 'tour', 'words'];
const FIRST_COMMIT_MS = Date.UTC(2025, 0, 1, 9);
const COMMIT_EVERY_MS = 7 * 60 * 60 * 1000;

/** A small history that is the same on every run: what the demo replays where there is no git. */
export class GeneratedHistory implements History {
  readonly title = 'a generated history';
  readonly truth = 'the generated changes, added up';

  constructor(readonly remark?: string) {}

  async countCommits(): Promise<number> {
    return COMMITS;
  }

  async *commits(): AsyncGenerator<Commit, void> {
    const random = seededRandom(20250101);
    const live = new Set<string>();
    for (let number = 1; number <= COMMITS; number++) {
      yield {
        number,
        id: String(number),
        at: new Date(FIRST_COMMIT_MS + number * COMMIT_EVERY_MS),
        author: pick(AUTHORS, random),
        subject: `commit ${number}`,
        changes: generateChanges(live, number, random),
      };
    }
  }

  trees(ids: readonly string[]): AsyncIterable<CommitTree> {
    return foldTrees(this.commits(), ids);
  }
}

type Random = () => number;

function generateChanges(live: Set<string>, number: number, random: Random): FileChange[] {
  const changes = new Map<string, FileChange>();
  const count = 1 + Math.floor(random() * 5);
  while (changes.size < count) {
    const path = `${pick(FOLDERS, random)}${pick(NAMES, random)}-${Math.floor(random() * 4)}.md`;
    if (changes.has(path)) {
      continue;
    }
    if (live.has(path) && random() < 0.25) {
      live.delete(path);
      changes.set(path, { op: 'delete', path });
    } else {
      const op = live.has(path) ? 'modify' : 'add';
      live.add(path);
      changes.set(path, { op, path, ...generateContent(`${path} ${number}`, random) });
    }
  }
  return [...changes.values()];
}

function generateContent(seed: string, random: Random): { mode: string; blob: string; size: number } {
  return {
    mode: random() < 0.1 ? '100755' : '100644',
    blob: createHash('sha1').update(seed).digest('hex'),
    size: Math.floor(random() * 20_000),
  };
}

function pick<T>(from: readonly T[], random: Random): T {
  return from[Math.floor(random() * from.length)] as T;
}

/** mulberry32: 32 bits of state, good enough for made-up files. https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
function seededRandom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
