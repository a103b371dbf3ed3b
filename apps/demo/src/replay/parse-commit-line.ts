import { DemoError } from '../demo.errors.js';
import type { Commit, FileChange } from './commit.js';

interface Where {
  readonly number: number;
  /** For messages: "line 12 of history.jsonl.gz". */
  readonly place: string;
}

type JsonObject = Readonly<Record<string, unknown>>;

/** One line of a history file as a commit. */
export function parseCommitLine(line: string, where: Where): Commit {
  const json = parseObject(line, where);
  const at = new Date(String(json.at));
  if (Number.isNaN(at.getTime())) {
    throw complaint(where, '"at" is not a time');
  }
  if (typeof json.author !== 'number' && typeof json.author !== 'string') {
    throw complaint(where, '"author" is neither a number nor a name');
  }
  if (!Array.isArray(json.changes)) {
    throw complaint(where, '"changes" is not a list');
  }
  return {
    number: where.number,
    id: String(where.number),
    at,
    author: typeof json.author === 'number' ? `Author ${json.author}` : json.author,
    subject: `commit ${where.number}`,
    changes: json.changes.map((change: unknown) => parseChange(change, where)),
  };
}

function parseObject(line: string, where: Where): JsonObject {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (cause) {
    throw complaint(where, 'it is not JSON', cause);
  }
  return asObject(json, where);
}

function asObject(json: unknown, where: Where): JsonObject {
  if (typeof json !== 'object' || json === null) {
    throw complaint(where, 'it holds no object where one is needed');
  }
  return json as JsonObject;
}

function parseChange(json: unknown, where: Where): FileChange {
  const { op, path, mode, blob, size } = asObject(json, where);
  if (typeof path !== 'string' || path === '') {
    throw complaint(where, 'a change has no "path"');
  }
  if (op === 'D') {
    return { op: 'delete', path };
  }
  if (op !== 'A' && op !== 'M') {
    throw complaint(where, `the "op" of ${path} is none of A, M and D`);
  }
  if (typeof mode !== 'string' || typeof blob !== 'string') {
    throw complaint(where, `the "mode" or the "blob" of ${path} is missing`);
  }
  return { op: op === 'A' ? 'add' : 'modify', path, mode, blob, size: typeof size === 'number' ? size : null };
}

function complaint(where: Where, problem: string, cause?: unknown): DemoError {
  return new DemoError(`Cannot replay ${where.place}: ${problem}.`, { cause });
}
