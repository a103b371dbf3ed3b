import { DemoError } from '../demo.errors.js';

export const ROOT = '/';

export interface IndexedFolder {
  /** Unknown until the commit that made it is flushed. */
  id: number | undefined;
  /** How many documents and folders are right inside: at none, git forgets the folder. */
  entries: number;
}

/** One life of a path: a path that is deleted and added again is a new document. */
export interface IndexedDocument {
  id: number;
  readonly path: string;
  /** In how many commits it was changed. */
  changes: number;
  isLive: boolean;
}

/**
 * What the replay remembers between two commits, so that it need not ask: the keys of what is live, by path and by
 * name. It grows with the number of files ever seen, not with the number of changes.
 */
export class LibraryIndex {
  readonly authors = new Map<string, number>();
  readonly folders = new Map<string, IndexedFolder>();
  /** Every document ever made, in the order of their making. */
  readonly documents: IndexedDocument[] = [];
  private readonly live = new Map<string, IndexedDocument>();

  liveDocument(path: string): IndexedDocument {
    const document = this.live.get(path);
    if (!document) {
      throw new DemoError(`Cannot replay a change of ${path}: the history has not added it before.`);
    }
    return document;
  }

  addDocument(path: string): IndexedDocument {
    if (this.live.has(path)) {
      throw new DemoError(`Cannot replay the addition of ${path}: the history has already added it.`);
    }
    const document: IndexedDocument = { id: 0, path, changes: 1, isLive: true };
    this.live.set(path, document);
    this.documents.push(document);
    return document;
  }

  removeDocument(document: IndexedDocument): void {
    document.isLive = false;
    document.changes += 1;
    this.live.delete(document.path);
  }
}

/** The folder that a path lies in. */
export function parentPath(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? ROOT : path.slice(0, slash);
}
