import type { EntityManager } from '@mikro-orm/postgresql';
import { Document } from '../library/document.entity.js';
import { Folder } from '../library/folder.entity.js';
import { Author } from '../people/author.entity.js';
import type { Commit, FileState } from './commit.js';
import { type IndexedDocument, type IndexedFolder, type LibraryIndex, parentPath, ROOT } from './library-index.js';

/** Turns one commit into pending changes of the library. After the flush, `settle()` tells the index the new keys. */
export class StagedCommit {
  private readonly newFolders = new Map<IndexedFolder, Folder>();
  private readonly newDocuments = new Map<IndexedDocument, Document>();
  private newAuthor: Author | undefined;

  constructor(
    private readonly em: EntityManager,
    private readonly index: LibraryIndex,
  ) {}

  author(name: string): Author {
    const id = this.index.authors.get(name);
    return id === undefined ? (this.newAuthor = this.em.create(Author, { name })) : this.em.getReference(Author, id);
  }

  async stage(commit: Commit, author: Author): Promise<void> {
    const loaded = await this.loadTouched(commit);
    const left = this.stageDeletions(commit, loaded);
    for (const change of commit.changes) {
      if (change.op === 'add') {
        this.stageAddition(change, author);
      } else if (change.op === 'modify') {
        const indexed = this.index.liveDocument(change.path);
        indexed.changes += 1;
        const { mode, blob, size } = change;
        this.em.assign(loaded.get(indexed.id)!, { mode, blob, size, lastAuthor: author });
      }
    }
    await this.removeEmptyFolders(left);
  }

  settle(): void {
    if (this.newAuthor) {
      this.index.authors.set(this.newAuthor.name, this.newAuthor.id);
    }
    for (const [indexed, { id }] of this.newFolders) {
      indexed.id = id;
    }
    for (const [indexed, { id }] of this.newDocuments) {
      indexed.id = id;
    }
  }

  private async loadTouched(commit: Commit): Promise<Map<number, Document>> {
    const touched = commit.changes.filter(change => change.op !== 'add');
    if (touched.length === 0) {
      return new Map();
    }
    const ids = touched.map(change => this.index.liveDocument(change.path).id);
    const documents = await this.em.find(Document, { id: { $in: ids } });
    return new Map(documents.map(document => [document.id, document]));
  }

  /** Deletions come first, so that a file may take the name of a folder that goes, and the other way round. */
  private stageDeletions(commit: Commit, loaded: ReadonlyMap<number, Document>): Set<string> {
    const left = new Set<string>();
    for (const change of commit.changes) {
      if (change.op === 'delete') {
        const indexed = this.index.liveDocument(change.path);
        this.em.remove(loaded.get(indexed.id)!);
        this.index.removeDocument(indexed);
        this.index.folders.get(parentPath(change.path))!.entries -= 1;
        left.add(parentPath(change.path));
      }
    }
    return left;
  }

  private stageAddition(change: FileState, author: Author): void {
    const { path, mode, blob, size } = change;
    const folder = this.enterFolder(parentPath(path));
    const document = this.em.create(Document, { path, mode, blob, size, folder, lastAuthor: author });
    this.newDocuments.set(this.index.addDocument(path), document);
  }

  /** The folder of this path with one more entry, made with those above it where it is not there yet. */
  private enterFolder(path: string): Folder {
    const indexed = this.index.folders.get(path);
    if (indexed) {
      indexed.entries += 1;
      return this.newFolders.get(indexed) ?? this.em.getReference(Folder, indexed.id!);
    }
    const parent = path === ROOT ? null : this.enterFolder(parentPath(path));
    const folder = this.em.create(Folder, { path, parent });
    const added: IndexedFolder = { id: undefined, entries: 1 };
    this.index.folders.set(path, added);
    this.newFolders.set(added, folder);
    return folder;
  }

  private async removeEmptyFolders(left: ReadonlySet<string>): Promise<void> {
    const empty: number[] = [];
    for (const start of left) {
      let path = start;
      let indexed = this.index.folders.get(path);
      while (indexed?.entries === 0 && path !== ROOT) {
        empty.push(indexed.id!);
        this.index.folders.delete(path);
        path = parentPath(path);
        indexed = this.index.folders.get(path)!;
        indexed.entries -= 1;
      }
    }
    if (empty.length > 0) {
      this.em.remove(await this.em.find(Folder, { id: { $in: empty } }));
    }
  }
}
