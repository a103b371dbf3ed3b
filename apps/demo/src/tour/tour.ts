import type { MikroORM } from '@mikro-orm/postgresql';
import type { History } from '../replay/commit.js';
import { checkEveryCommit } from './check-every-commit.js';
import { checkSnapshots } from './check-snapshots.js';
import { showConflict } from './show-conflict.js';
import { replayHistory } from './replay-history.js';
import { showDeletion } from './show-deletion.js';
import { showHistory } from './show-history.js';
import { showRevert } from './show-revert.js';
import { showTwoActors } from './show-two-actors.js';
import type { Terminal } from './terminal.js';

export interface TourResult {
  /** Whether every snapshot was what it should have been. */
  readonly isRight: boolean;
  /** The key of a document with a history to look at, if there is any. */
  readonly document: number | undefined;
}

/** Nothing but the check of all commits, which takes minutes. */
export async function runCheck(orm: MikroORM, history: History, terminal: Terminal): Promise<TourResult> {
  const state = await replayHistory(orm, history, terminal);
  return { isRight: await checkEveryCommit(state), document: undefined };
}

/** Everything that `npm run demo` shows, in order. */
export async function runTour(orm: MikroORM, history: History, terminal: Terminal): Promise<TourResult> {
  const state = await replayHistory(orm, history, terminal);
  const isHistoryRight = await checkSnapshots(state);
  if (!state.replayed.index.documents.some(document => document.isLive)) {
    terminal.line();
    terminal.warning('The library is empty at the end of this history: there is nothing more to show.');
    return { isRight: isHistoryRight, document: undefined };
  }
  await showHistory(state);
  await showTwoActors(state);
  const deletion = await showDeletion(state);
  const isRevertRight = await showRevert(state, deletion);
  const isConflictRight = await showConflict(state, deletion.document);
  return { isRight: isHistoryRight && isRevertRight && isConflictRight, document: deletion.document };
}
