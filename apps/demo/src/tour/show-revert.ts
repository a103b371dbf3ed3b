import type { EntityManager } from '@mikro-orm/postgresql';
import { RevertService, RevisionContext } from '@revy/mikro-orm';
import { Document } from '../library/document.entity.js';
import { Folder } from '../library/folder.entity.js';
import { newestRevision, showObjects } from './recorded.js';
import type { Deletion } from './show-deletion.js';
import type { TourState } from './tour-state.js';
import { countOf } from './words.js';

/** What lies under a folder: a line for each document and folder. */
export type Contents = ReadonlyMap<string, string>;

/** Part 6: the deletion is reverted, and everything is back. Tells whether it is. */
export async function showRevert(
  { orm, terminal, history, replayed }: TourState,
  deletion: Deletion,
): Promise<boolean> {
  const em = orm.em.fork();
  terminal.section(`Revision ${deletion.revision} is reverted`);
  terminal.code(`await reverts.revision(${deletion.revision});`);
  await RevisionContext.run({ actor: null, revisionDescription: `${deletion.path} is needed after all` }, () =>
    new RevertService(em).revision(deletion.revision),
  );
  await showObjects(em, terminal, await newestRevision(em));
  const now = await readContents(em, deletion.path);
  const different = differences(deletion.before, now);
  terminal.line();
  if (different.length > 0) terminal.failure(`${different.join(', ')} is not what it was.`);
  else terminal.success(`${countOf(now.size, 'object')} of ${deletion.path} are what they were, labels included.`);
  const missing = await comparedWithTruth(em, deletion, await lastTree(history, replayed.changing));
  if (missing.length > 0) terminal.failure(`${missing.join(', ')} is not what ${history.truth} says.`);
  else terminal.success(`Its documents are what ${history.truth} says of the last commit.`);
  return different.length + missing.length === 0;
}

/** Documents and folders below a path, each as one line, with keys and labels. */
export async function readContents(em: EntityManager, path: string): Promise<Contents> {
  const reader = em.fork();
  const below = { $or: [{ path }, { path: { $like: `${path.replaceAll(/[\\%_]/g, String.raw`\$&`)}/%` } }] };
  const folders = await reader.find(Folder, below);
  const documents = await reader.find(Document, below, { populate: ['labels'] });
  return new Map([
    ...folders.map(({ id, path: own, parent }) => [`${own}/`, JSON.stringify([id, parent?.id])] as const),
    ...documents.map(({ path: own, id, mode, blob, size, folder, lastAuthor, labels }) => {
      const names = labels.getItems().map(({ name }) => name);
      return [own, JSON.stringify([id, mode, blob, size, folder.id, lastAuthor.id, names.toSorted()])] as const;
    }),
  ]);
}

function differences(before: Contents, now: Contents): string[] {
  const paths = new Set([...before.keys(), ...now.keys()]);
  return [...paths].filter(path => before.get(path) !== now.get(path));
}

type Tree = ReadonlyMap<string, { readonly mode: string; readonly blob: string }>;

async function lastTree(history: TourState['history'], changing: readonly string[]): Promise<Tree> {
  for await (const { tree } of history.trees(changing.slice(-1))) return tree;
  return new Map();
}

/** Documents that the tour itself has edited, or made, are not known to the truth. */
async function comparedWithTruth(em: EntityManager, { path, edited }: Deletion, tree: Tree): Promise<string[]> {
  const documents = await em.fork().find(Document, { path: { $like: `${path}/%` } });
  const known = documents.filter(document => document.id !== edited && !document.path.startsWith('tour/'));
  return known
    .filter(document => {
      const file = tree.get(document.path);
      return file?.mode !== document.mode || file.blob !== document.blob;
    })
    .map(document => document.path);
}
