import { Injectable, NotFoundException } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import type { Author } from '../people/author.entity.js';
import type { DocumentChanges } from './document-changes.pipe.js';
import { Document } from './document.entity.js';
import { loadFolderTree } from './folder-tree.js';
import { Folder } from './folder.entity.js';
import type { LabelDraft } from './label-draft.pipe.js';
import { Label } from './label.entity.js';
import type { Page } from './page.pipe.js';

/** What can be done with the library. Every change is recorded without a word of it here. */
@Injectable()
export class LibraryService {
  constructor(private readonly em: EntityManager) {}

  async listDocuments({ limit, offset }: Page): Promise<[Document[], number]> {
    return this.em.findAndCount(
      Document,
      {},
      { limit, offset, orderBy: { path: 'asc' }, populate: ['folder', 'lastAuthor', 'labels'] },
    );
  }

  async document(id: number): Promise<Document> {
    return found(await this.em.findOne(Document, id, { populate: ['folder', 'lastAuthor', 'labels'] }), 'document', id);
  }

  async changeDocument(id: number, changes: DocumentChanges, author: Author | undefined): Promise<Document> {
    const document = await this.document(id);
    this.em.assign(document, author ? { ...changes, lastAuthor: author } : changes);
    await this.em.flush();
    return document;
  }

  async removeDocument(id: number): Promise<void> {
    await this.em.remove(await this.document(id)).flush();
  }

  async folder(id: number): Promise<Folder> {
    return found(
      await this.em.findOne(Folder, id, {
        populate: ['parent', 'folders', 'documents'],
        orderBy: { folders: { path: 'asc' }, documents: { path: 'asc' } },
      }),
      'folder',
      id,
    );
  }

  async removeFolder(id: number): Promise<void> {
    await this.em.remove(found(await loadFolderTree(this.em, id), 'folder', id)).flush();
  }

  async listLabels(): Promise<Label[]> {
    return this.em.find(Label, {}, { orderBy: { name: 'asc' } });
  }

  /** A label of this name; one that is there gets the color. */
  async saveLabel({ name, color }: LabelDraft): Promise<Label> {
    const label = (await this.em.findOne(Label, { name })) ?? this.em.create(Label, { name, color });
    label.color = color;
    await this.em.flush();
    return label;
  }

  async addLabel(documentId: number, labelId: number): Promise<Document> {
    const document = await this.document(documentId);
    document.labels.add(found(await this.em.findOne(Label, labelId), 'label', labelId));
    await this.em.flush();
    return document;
  }

  async removeLabel(documentId: number, labelId: number): Promise<Document> {
    const document = await this.document(documentId);
    document.labels.remove(found(await this.em.findOne(Label, labelId), 'label', labelId));
    await this.em.flush();
    return document;
  }
}

/** What was looked for, or a 404 that says what there is none of. */
function found<T>(value: T | null | undefined, what: string, id: number): T {
  if (value === null || value === undefined) {
    throw new NotFoundException(`There is no ${what} ${id}.`);
  }
  return value;
}
