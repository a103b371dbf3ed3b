import type { MikroORM } from '@mikro-orm/postgresql';
import { Revision, SnapshotService } from '@revy/mikro-orm';
import { Document } from '../library/document.entity.js';
import type { File, History, Tree } from '../replay/commit.js';
import type { IndexedDocument } from '../replay/library-index.js';
import type { ReplayResult } from '../replay/replay.js';

export interface Comparison {
  readonly commits: number;
  readonly snapshots: number;
  /** How many of the documents were looked at, where there were too many to look at all. */
  readonly documents: number;
  readonly differences: readonly Difference[];
}

export interface Difference {
  readonly commit: string;
  readonly path: string;
  readonly problem: string;
}

/** One of the ways to read the past: all documents that lived at a revision, of those that are asked for. */
export type ReadPast = (orm: MikroORM, documents: readonly IndexedDocument[], revision: number) => Promise<Rebuilt>;

export interface ComparisonOptions {
  /** At how many commits, spread evenly. */
  readonly points: number;
  /** Above this many snapshots, only some documents are looked at, spread evenly. */
  readonly maxSnapshots: number;
  /** `snapshots.at`, one by one, unless said otherwise. */
  readonly read?: ReadPast;
  readonly onPoint?: (done: number) => void;
}

// As many as there are connections to use, with some left for whoever else is asking.
const READERS = 6;

/** Rebuilds every document ever seen at some commits, and compares what comes out with what is known to be true. */
export async function compareSnapshots(
  orm: MikroORM,
  { history, replayed }: { history: History; replayed: ReplayResult },
  { points, maxSnapshots, read = readOneByOne, onPoint }: ComparisonOptions,
): Promise<Comparison> {
  const ids = spreadEvenly(replayed.changing, points);
  const all = replayed.index.documents;
  const documents = sampleByPath(all, Math.floor(maxSnapshots / Math.max(ids.length, 1)));
  const seen = new Set(all.map(document => document.path));
  const looked = new Set(documents.map(document => document.path));
  const differences: Difference[] = [];
  let [commits, snapshots] = [0, 0];
  for await (const { id, tree } of history.trees(ids)) {
    const revision = await orm.em.fork().findOneOrFail(Revision, { metadata: { commit: id } });
    const rebuilt = await read(orm, documents, revision.id);
    for (const difference of compareTree(rebuilt, tree, { seen, looked })) {
      differences.push({ commit: id, ...difference });
    }
    snapshots += documents.length;
    commits += 1;
    onPoint?.(commits);
  }
  return { commits, snapshots, documents: documents.length, differences };
}

/** What the snapshots say: the living documents at a revision, by path; a list, for a path must not live twice. */
export type Rebuilt = ReadonlyMap<string, readonly File[]>;

/** By path, for a path must not live twice. */
export function byPath(documents: Iterable<Pick<Document, 'path' | 'mode' | 'blob' | 'size'>>): Rebuilt {
  const rebuilt = new Map<string, File[]>();
  for (const { path, mode, blob, size } of documents) {
    rebuilt.set(path, [...(rebuilt.get(path) ?? []), { mode, blob, size }]);
  }
  return rebuilt;
}

export async function readOneByOne(
  orm: MikroORM,
  documents: readonly IndexedDocument[],
  revision: number,
): Promise<Rebuilt> {
  const found: Document[] = [];
  const queue = documents.values();
  const readAll = async () => {
    const snapshots = new SnapshotService(orm.em.fork());
    // One queue for all readers: each takes the next document that nobody has taken.
    for (const { id } of queue) {
      const snapshot = await snapshots.at(Document, id, { revision });
      if (snapshot) {
        found.push(snapshot.entity);
      }
    }
  };
  await Promise.all(Array.from({ length: READERS }, readAll));
  return byPath(found);
}

function* compareTree(
  rebuilt: Rebuilt,
  tree: Tree,
  { seen, looked }: { seen: ReadonlySet<string>; looked: ReadonlySet<string> },
): Generator<Omit<Difference, 'commit'>, void> {
  for (const [path, files] of rebuilt) {
    const expected = tree.get(path);
    const problem = expected ? compareFiles(files, expected) : 'has a snapshot, but did not exist then';
    if (problem) {
      yield { path, problem };
    }
  }
  for (const path of tree.keys()) {
    if (!rebuilt.has(path) && (looked.has(path) || !seen.has(path))) {
      yield { path, problem: 'existed then, but has no snapshot' };
    }
  }
}

function compareFiles(files: readonly File[], expected: File): string | undefined {
  const [file, ...others] = files;
  if (!file || others.length > 0) {
    return `has ${files.length} snapshots at one revision`;
  }
  const wrong = (['mode', 'blob', 'size'] as const).filter(attribute => file[attribute] !== expected[attribute]);
  return wrong.length === 0
    ? undefined
    : wrong.map(attribute => `${attribute} is ${file[attribute]}, not ${expected[attribute]}`).join('; ');
}

/** At most `count` of the items, the last one among them, at equal distances. */
export function spreadEvenly<T>(items: readonly T[], count: number): T[] {
  const size = Math.min(count, items.length);
  return Array.from({ length: size }, (_, index) => items[Math.ceil(((index + 1) * items.length) / size) - 1] as T);
}

/** About `max` documents; those that shared a path stay together, for only one of them may live at a time. */
function sampleByPath(documents: readonly IndexedDocument[], max: number): IndexedDocument[] {
  if (documents.length <= max) {
    return [...documents];
  }
  const paths = [...new Set(documents.map(document => document.path))];
  const sample = new Set(spreadEvenly(paths, Math.floor((max * paths.length) / documents.length)));
  return documents.filter(document => sample.has(document.path));
}
