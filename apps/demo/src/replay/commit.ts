/** What one commit did to one path. A rename is a deletion and an addition. */
export type FileChange = FileState | FileDeletion;

export interface FileState {
  readonly op: 'add' | 'modify';
  readonly path: string;
  readonly mode: string;
  readonly blob: string;
  readonly size: number | null;
}

export interface FileDeletion {
  readonly op: 'delete';
  readonly path: string;
}

/** One commit, whatever it was read from. */
export interface Commit {
  /** The position in the history, from 1. */
  readonly number: number;
  /** The commit's own id: a git hash, or its number where there is none. */
  readonly id: string;
  readonly at: Date;
  readonly author: string;
  readonly subject: string;
  readonly changes: readonly FileChange[];
}

/** A file as the truth has it: what a snapshot is compared with. */
export interface File {
  readonly mode: string;
  readonly blob: string;
  readonly size: number | null;
}

/** All files after one commit, by path. */
export type Tree = ReadonlyMap<string, File>;

/** A history to replay, that also knows the truth at each of its commits without any help of ours. */
export interface History {
  /** What is replayed, for a heading. */
  readonly title: string;
  /** What the snapshots are compared with, for a sentence: "git ls-tree". */
  readonly truth: string;
  /** Something the reader should know about this history, such as that it is cut off. */
  readonly remark?: string;
  countCommits(): Promise<number>;
  commits(): AsyncIterable<Commit>;
  /** The trees after the commits of these ids, in the order of history. */
  trees(ids: readonly string[]): AsyncIterable<CommitTree>;
}

export interface CommitTree {
  readonly id: string;
  readonly tree: Tree;
}
