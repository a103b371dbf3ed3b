import type { File, Tree } from './commit.js';
import { decodePath, splitAtNul } from './parse-raw-log.js';

const TAB = 0x09;

/** Reads `git ls-tree -r -z -l`: "mode type id  size<TAB>path", each ended by NUL. */
export async function parseTree(chunks: AsyncIterable<Buffer>): Promise<Tree> {
  const tree = new Map<string, File>();
  for await (const entry of splitAtNul(chunks)) {
    const tab = entry.indexOf(TAB);
    const [mode = '', , blob = '', size = ''] = entry.subarray(0, tab).toString('latin1').split(/ +/);
    // A submodule's size is "-", that of an object that a partial clone left behind is "BAD".
    tree.set(decodePath(entry.subarray(tab + 1)), { mode, blob, size: /^\d+$/.test(size) ? Number(size) : null });
  }
  return tree;
}
