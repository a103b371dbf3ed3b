import type { Document } from './document.entity.js';
import type { Folder } from './folder.entity.js';
import type { Label } from './label.entity.js';

// What the library looks like from outside: plain objects, so that an answer never depends on what is loaded.

export function viewDocument(document: Document) {
  const { id, path, mode, blob, size, folder, lastAuthor, labels } = document;
  return {
    id,
    path,
    mode,
    blob,
    size,
    folder: { id: folder.id, path: folder.path },
    lastAuthor: { id: lastAuthor.id, name: lastAuthor.name },
    labels: labels.getItems().map(viewLabel),
  };
}

/** A document of the past: its relations are keys, for what they led to may be gone. */
export function viewPastDocument({ id, path, mode, blob, size, folder, lastAuthor }: Document) {
  return { id, path, mode, blob, size, folder: folder.id, lastAuthor: lastAuthor.id };
}

export function viewFolder({ id, path, parent, folders, documents }: Folder) {
  return {
    id,
    path,
    parent: parent && { id: parent.id, path: parent.path },
    folders: folders.getItems().map(folder => ({ id: folder.id, path: folder.path })),
    documents: documents.getItems().map(document => ({ id: document.id, path: document.path })),
  };
}

export function viewLabel({ id, name, color }: Label) {
  return { id, name, color };
}
