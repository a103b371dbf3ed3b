import type { EntityManager } from '@mikro-orm/postgresql';
import { RevisionContext, SystemActor } from '@revy/mikro-orm';
import { Document } from '../library/document.entity.js';
import { Folder } from '../library/folder.entity.js';
import { type LibraryIndex, parentPath, ROOT } from '../replay/library-index.js';

const COMFORTABLE_DOCUMENTS = 10;

/**
 * A folder to delete in front of an audience: as full as a table on the screen can show, and one with folders inside if
 * there is any; else the emptiest.
 */
export function chooseFolder(index: LibraryIndex): number | undefined {
  const counts = new Map<string, number>();
  for (const document of index.documents) {
    for (let path = parentPath(document.path); document.isLive && path !== ROOT; path = parentPath(path)) {
      counts.set(path, (counts.get(path) ?? 0) + 1);
    }
  }
  const folders = [...counts].sort(([, a], [, b]) => b - a);
  const fitting = folders.filter(([, count]) => count <= COMFORTABLE_DOCUMENTS);
  const isNested = ([path]: readonly [string, number]) => folders.some(([other]) => other.startsWith(`${path}/`));
  const [path] = fitting.find(isNested) ?? fitting[0] ?? folders.at(-1) ?? [];
  return path === undefined ? undefined : index.folders.get(path)?.id;
}

/** A folder with one document, for a library that has all its documents at the top. */
export async function makeFolder(em: EntityManager, like: Document): Promise<Folder> {
  const actor = new SystemActor('tour');
  return RevisionContext.run({ actor, revisionDescription: 'something to delete' }, async () => {
    const folder = em.create(Folder, { path: 'tour', parent: like.folder });
    const { mode, blob, size, lastAuthor } = like;
    em.create(Document, { path: 'tour/notes', folder, mode, blob, size, lastAuthor });
    await em.flush();
    return folder;
  });
}
