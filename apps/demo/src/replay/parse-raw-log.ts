/** What `git log --raw` tells of a commit: everything but the sizes. */
export interface RawCommit {
  readonly id: string;
  readonly at: Date;
  readonly author: string;
  readonly subject: string;
  readonly changes: readonly RawChange[];
}

export type RawChange =
  | { readonly op: 'add' | 'modify'; readonly path: string; readonly mode: string; readonly blob: string }
  | { readonly op: 'delete'; readonly path: string };

/** The arguments of `git log` whose output {@link parseRawLog} reads. */
export const RAW_LOG_ARGUMENTS: readonly string[] = [
  '-c log.showSignature=false log --first-parent --reverse -m --root --raw -z --no-renames --no-abbrev --no-ext-diff',
  '--no-color --ignore-submodules=none --encoding=UTF-8 --format=commit%x1f%H%x1f%aI%x1f%aN%x1f%s',
].flatMap(line => line.split(' '));

/**
 * Reads `git log --raw -z`: for each commit a line of its own, then a pair of header and path for each change, all
 * ended by NUL. A path may hold anything but NUL, even line feeds and colons, so only its place says that it is one.
 */
export async function* parseRawLog(chunks: AsyncIterable<Buffer>): AsyncGenerator<RawCommit, void> {
  let commit: (RawCommit & { changes: RawChange[] }) | undefined;
  let header: string | undefined;
  for await (const token of splitAtNul(chunks)) {
    if (header !== undefined) {
      commit?.changes.push(parseChange(header, decodePath(token)));
      header = undefined;
      continue;
    }
    const text = token.toString('utf8').trimStart();
    if (text.startsWith(':')) {
      header = text;
    } else if (text !== '') {
      if (commit) {
        yield commit;
      }
      commit = parseCommit(text);
    }
  }
  if (commit) {
    yield commit;
  }
}

/** The pieces of a stream between its NUL bytes. */
export async function* splitAtNul(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const buffer = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let start = 0;
    for (let end = buffer.indexOf(0); end !== -1; end = buffer.indexOf(0, start)) {
      yield buffer.subarray(start, end);
      start = end + 1;
    }
    rest = buffer.subarray(start);
  }
  if (rest.length > 0) {
    yield rest;
  }
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A path as text. git's paths are bytes: where they are no UTF-8, each byte above 0x7f is written `\xff`, so that two
 * such paths stay two and PostgreSQL takes them.
 */
export function decodePath(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    const escape = (byte: number) =>
      byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
    return Array.from(bytes, escape).join('');
  }
}

function parseCommit(text: string): RawCommit & { changes: RawChange[] } {
  const [, id = '', at = '', author = '', ...subject] = text.split('\x1f');
  return { id, at: new Date(at), author, subject: subject.join(' '), changes: [] };
}

// ":100644 100755 <old> <new> M": modes and ids before and after, then the status; T is a change of the type of file.
function parseChange(header: string, path: string): RawChange {
  const [, mode = '', , blob = '', status = ''] = header.slice(1).split(' ');
  if (status === 'D') {
    return { op: 'delete', path };
  }
  return { op: status === 'A' ? 'add' : 'modify', path, mode, blob };
}
