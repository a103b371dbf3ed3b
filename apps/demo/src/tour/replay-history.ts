import type { MikroORM } from '@mikro-orm/postgresql';
import { Revision } from '@revy/mikro-orm';
import type { History } from '../replay/commit.js';
import { replay } from '../replay/replay.js';
import { revisionFrame } from '../replay/revision-frame.js';
import { Progress } from './progress.js';
import type { Terminal } from './terminal.js';
import type { TourState } from './tour-state.js';
import { countOf, formatCount } from './words.js';

/** Part 1: the history becomes a library and its revisions. */
export async function replayHistory(orm: MikroORM, history: History, terminal: Terminal): Promise<TourState> {
  terminal.section(`Replay of ${history.title}`);
  if (history.remark) {
    terminal.warning(history.remark);
    terminal.line();
  }
  const progress = new Progress(terminal, 'commits', await history.countCommits());
  const onCommit = ({ number }: { number: number }) => progress.update(number);
  const replayed = await replay(orm, history, { frame: revisionFrame, onCommit }).finally(() => progress.end());
  const { commits, changes, seconds, index } = replayed;
  const revisions = await orm.em.fork().count(Revision);
  terminal.say(
    `${countOf(commits, 'commit')} with ${countOf(changes, 'change')} of a file became ` +
      `${countOf(revisions, 'revision')} in ${seconds.toFixed(1)} s ` +
      `(${formatCount(Math.round(changes / Math.max(seconds, 0.001)))} changes a second).`,
  );
  terminal.say(
    `${countOf(index.documents.length, 'document')} by ${countOf(index.authors.size, 'author')}, ` +
      `${formatCount(index.documents.filter(document => document.isLive).length)} of them still there, ` +
      `in ${countOf(index.folders.size, 'folder')}.`,
  );
  return { orm, terminal, history, replayed };
}
