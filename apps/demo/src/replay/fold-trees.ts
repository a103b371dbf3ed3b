import type { Commit, CommitTree, File } from './commit.js';

/** The trees after some commits, by adding up every change since the first. */
export async function* foldTrees(
  commits: AsyncIterable<Commit>,
  ids: readonly string[],
): AsyncGenerator<CommitTree, void> {
  const wanted = new Set(ids);
  const tree = new Map<string, File>();
  for await (const commit of commits) {
    applyCommit(tree, commit);
    if (wanted.delete(commit.id)) {
      yield { id: commit.id, tree: new Map(tree) };
    }
    if (wanted.size === 0) {
      return;
    }
  }
}

function applyCommit(tree: Map<string, File>, commit: Commit): void {
  // Deletions first: a rename may put a file where a folder of the same name has just gone.
  for (const change of commit.changes) {
    if (change.op === 'delete') {
      tree.delete(change.path);
    }
  }
  for (const change of commit.changes) {
    if (change.op !== 'delete') {
      tree.set(change.path, { mode: change.mode, blob: change.blob, size: change.size });
    }
  }
}
