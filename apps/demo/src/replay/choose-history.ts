import path from 'node:path';
import { DemoError } from '../demo.errors.js';
import type { History } from './commit.js';
import { GeneratedHistory } from './generated-history.js';
import { GitHistory } from './git-history.js';
import { JsonlHistory } from './jsonl-history.js';

export interface HistoryChoice {
  /** A git repository to replay. */
  readonly repo?: string | undefined;
  /** A history file to replay. */
  readonly file?: string | undefined;
  /** The directory that `repo` and `file` are relative to. */
  readonly cwd: string;
  /** The repository that the demo stands in: replayed when nothing else is asked for. */
  readonly home: string;
}

/** The history that was asked for; else the demo's own; else, with a remark that says why, a generated one. */
export async function chooseHistory(choice: HistoryChoice): Promise<History> {
  if (choice.file !== undefined) {
    return JsonlHistory.open(path.resolve(choice.cwd, choice.file));
  }
  if (choice.repo !== undefined) {
    return GitHistory.open(path.resolve(choice.cwd, choice.repo));
  }
  try {
    return await GitHistory.open(choice.home);
  } catch (error) {
    if (error instanceof DemoError) {
      return new GeneratedHistory(`${error.message} A small generated history takes its place.`);
    }
    throw error;
  }
}
