import type { EntityManager } from '@mikro-orm/postgresql';
import { RevisionContext } from '@revy/mikro-orm';
import { Document } from '../library/document.entity.js';
import { Folder } from '../library/folder.entity.js';
import { loadFolderTree } from '../library/folder-tree.js';
import { Label } from '../library/label.entity.js';
import type { Author } from '../people/author.entity.js';
import { chooseFolder, makeFolder } from './choose-folder.js';
import { newestRevision, showAttributes, showObjects } from './recorded.js';
import { type Contents, readContents } from './show-revert.js';
import { showTree } from './show-tree.js';
import type { TourState } from './tour-state.js';

const LABELLED = 3;

/** What part 5 took away, for part 6 to bring it back. */
export interface Deletion {
  readonly path: string;
  /** The key of one of the documents. */
  readonly document: number;
  /** The key of the document that part 4 has edited. */
  readonly edited: number;
  readonly revision: number;
  /** What was there. */
  readonly before: Contents;
}

/** Part 5: labels on documents, then the folder around them goes with all that is in it. */
export async function showDeletion(state: TourState): Promise<Deletion> {
  const { orm, terminal, replayed } = state;
  const em = orm.em.fork();
  const last = replayed.index.documents.findLast(document => document.isLive)!;
  const example = await em.findOneOrFail(Document, last.id, { populate: ['lastAuthor'] });
  const actor = example.lastAuthor;
  const folderId = chooseFolder(replayed.index) ?? (await makeFolder(em, example)).id;
  const folder = (await loadFolderTree(em, folderId))!;
  const documents = documentsIn(folder);

  terminal.section('Labels on documents');
  await labelDocuments(em, documents.slice(0, LABELLED), actor);
  await showAttributes(em, terminal, await newestRevision(em));

  terminal.section(`The folder ${folder.path} is deleted`);
  showTree(terminal, folder);
  terminal.line();
  const [{ id: document }] = documents as [Document];
  const before = await readContents(em, folder.path);
  await deleteFolder(em, folder, actor);
  const revision = await newestRevision(em);
  await showObjects(em, terminal, revision);
  return { path: folder.path, document, edited: last.id, revision: revision.id, before };
}

function documentsIn(folder: Folder): Document[] {
  return [...folder.documents, ...folder.folders.getItems().flatMap(documentsIn)];
}

async function labelDocuments(em: EntityManager, documents: readonly Document[], actor: Author): Promise<void> {
  await RevisionContext.run({ actor, revisionDescription: 'labels for the review' }, async () => {
    const reviewed = em.create(Label, { name: 'reviewed', color: '#2da44e' });
    const urgent = em.create(Label, { name: 'urgent', color: '#cf222e' });
    for (const document of documents) {
      document.labels.add(reviewed);
    }
    documents[0]?.labels.add(urgent);
    await em.flush();
  });
}

/** Through the ORM, whose cascade takes the documents and folders inside along. */
async function deleteFolder(em: EntityManager, folder: Folder, actor: Author): Promise<void> {
  const why = {
    revisionDescription: `${folder.path} is no longer needed`,
    objectDeltaDescription: 'deleted by hand',
    deletionDescription: 'went with its folder',
  };
  await RevisionContext.run({ actor, ...why }, () => em.remove(folder).flush());
}
