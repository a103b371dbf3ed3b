import type { Document } from '../library/document.entity.js';
import type { Folder } from '../library/folder.entity.js';
import { drawTree, type TreeNode } from './draw-tree.js';
import type { Terminal } from './terminal.js';
import { countOf } from './words.js';

/** A folder that is loaded with all that is in it, as a person would draw it. */
export function showTree(terminal: Terminal, folder: Folder): void {
  const [top, ...below] = drawTree(folderNode(folder, folder.path));
  const columns = [{ title: top![0] }, { title: 'size', align: 'right' }, { title: 'labels' }] as const;
  const rows = below.map(([line, note]) => [line, ...note.split('\t')]);
  terminal.table(columns, rows);
}

function folderNode({ folders, documents }: Folder, name: string): TreeNode {
  const inside = [
    ...byName(folders.getItems()).map(one => folderNode(one, `${baseName(one.path)}/`)),
    ...byName(documents.getItems()).map(documentNode),
  ];
  return { name, children: inside };
}

function documentNode({ path, size, labels }: Document): TreeNode {
  const names = labels.getItems().map(label => label.name);
  return {
    name: baseName(path),
    note: `${size === null ? '' : countOf(size, 'byte')}\t${names.toSorted().join(', ')}`,
  };
}

function byName<T extends { readonly path: string }>(found: readonly T[]): T[] {
  return found.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
