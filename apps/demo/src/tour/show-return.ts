import type { EntityManager } from '@mikro-orm/postgresql';
import { type ObjectPoint, RevisionContext, SnapshotService } from '@revy/mikro-orm';
import { Document } from '../library/document.entity.js';
import { Folder } from '../library/folder.entity.js';
import { newestRevision } from './recorded.js';
import type { Deletion } from './show-deletion.js';
import type { TourState } from './tour-state.js';
import { formatValue } from './words.js';

/** Part 6: a document comes back as it was before it was deleted. Tells whether it did. */
export async function showReturn({ orm, terminal }: TourState, deletion: Deletion): Promise<boolean> {
  const em = orm.em.fork();
  const then = await readDocument(em, deletion.document, { before: deletion.revision });
  terminal.section(`${then.path} comes back`);
  await RevisionContext.run({ actor: null, revisionDescription: `${then.path} is needed after all` }, async () => {
    await bringBackFolder(em, then.folder.id, deletion.revision);
    // A snapshot's entity is a new object with the old key: persisting it is all that it takes.
    em.persist(await readDocument(em, deletion.document, { before: deletion.revision }));
    await em.flush();
  });
  const revision = await newestRevision(em);
  const now = await readDocument(em, deletion.document, { revision: revision.id });
  const rows = compareDocuments(then, now);
  const columns = ['attribute', `before revision ${deletion.revision}`, `at revision ${revision.id}`, ''];
  terminal.table(
    columns.map(title => ({ title })),
    rows,
  );
  terminal.line();
  const isEqual = rows.every(row => row[3] === '=');
  if (isEqual) {
    terminal.success(`Document ${then.id} is what it was, with its own id.`);
  } else {
    terminal.failure(`Document ${then.id} is not what it was.`);
  }
  return isEqual;
}

async function readDocument(em: EntityManager, id: number, point: ObjectPoint): Promise<Document> {
  const snapshot = await new SnapshotService(em).at(Document, id, point);
  return snapshot!.entity;
}

/** The folder of this id from its last snapshot, if it is gone, and with it those above. */
async function bringBackFolder(em: EntityManager, id: number, deletion: number): Promise<void> {
  if (await em.findOne(Folder, id)) {
    return;
  }
  const past = await new SnapshotService(em).at(Folder, id, { before: deletion });
  const folder = past!.entity;
  if (folder.parent) {
    await bringBackFolder(em, folder.parent.id, deletion);
  }
  em.persist(folder);
}

function compareDocuments(then: Document, now: Document): string[][] {
  const attributes: Record<string, (document: Document) => unknown> = {
    id: document => document.id,
    path: document => document.path,
    folder: document => document.folder.id,
    mode: document => document.mode,
    blob: document => document.blob,
    size: document => document.size,
    lastAuthor: document => document.lastAuthor.id,
  };
  return Object.entries(attributes).map(([name, read]) => [
    name,
    formatValue(read(then)),
    formatValue(read(now)),
    read(then) === read(now) ? '=' : '≠',
  ]);
}
