import { type EntityManager, FlushMode, type MikroORM } from '@mikro-orm/postgresql';
import type { Author } from '../people/author.entity.js';
import type { Commit, History } from './commit.js';
import { LibraryIndex } from './library-index.js';
import { StagedCommit } from './stage-commit.js';

/** Makes the changes of one commit, and says whose they are. */
export type CommitFrame = (commit: Commit, author: () => Author, work: () => Promise<void>) => Promise<void>;

export interface ReplayOptions {
  /** Runs each commit; left out, the changes are made with nobody to answer for them. */
  readonly frame?: CommitFrame;
  readonly onCommit?: (commit: Commit) => void;
}

export interface ReplayResult {
  readonly commits: number;
  /** The ids of the commits that changed anything, in order. */
  readonly changing: readonly string[];
  readonly changes: number;
  readonly seconds: number;
  readonly index: LibraryIndex;
}

/** Replays a history into an empty library: one commit, one flush. */
export async function replay(orm: MikroORM, history: History, options: ReplayOptions = {}): Promise<ReplayResult> {
  const { frame = (_commit, _author, work) => work(), onCommit } = options;
  const index = new LibraryIndex();
  const changing: string[] = [];
  let commits = 0;
  let changes = 0;
  const startedMs = performance.now();
  for await (const commit of history.commits()) {
    // A fresh entity manager for each commit: the memory that a long history takes must not grow with it. And one
    // that flushes only when told: MikroORM's default is to flush before a query too, which would split a commit.
    await replayCommit(orm.em.fork({ flushMode: FlushMode.COMMIT }), commit, { index, frame });
    commits += 1;
    changes += commit.changes.length;
    if (commit.changes.length > 0) {
      changing.push(commit.id);
    }
    onCommit?.(commit);
  }
  return { commits, changing, changes, seconds: (performance.now() - startedMs) / 1000, index };
}

async function replayCommit(
  em: EntityManager,
  commit: Commit,
  { index, frame }: { index: LibraryIndex; frame: CommitFrame },
): Promise<void> {
  const staged = new StagedCommit(em, index);
  let author: Author | undefined;
  const committer = () => (author ??= staged.author(commit.author));
  await frame(commit, committer, async () => {
    await staged.stage(commit, committer());
    await em.flush();
  });
  staged.settle();
}
