import type { EntityManager } from '@mikro-orm/postgresql';
import { Folder } from './folder.entity.js';

/** A folder with everything inside it loaded, at any depth, so that removing it removes all of that too. */
export async function loadFolderTree(em: EntityManager, id: number): Promise<Folder | null> {
  const top = await em.findOne(Folder, id);
  if (top) {
    const prefix = top.path === '/' ? '' : `${top.path.replaceAll(/[\\%_]/g, String.raw`\$&`)}/`;
    await em.find(
      Folder,
      { $or: [{ id }, { path: { $like: `${prefix}%` } }] },
      { populate: ['folders', 'documents', 'documents.labels'] },
    );
  }
  return top;
}
