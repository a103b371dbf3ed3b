import { compareSnapshots } from './compare-snapshots.js';
import { Progress } from './progress.js';
import type { TourState } from './tour-state.js';
import { countOf, formatCount } from './words.js';

const POINTS = 20;
const MAX_SNAPSHOTS = 60_000;
const SHOWN_DIFFERENCES = 10;

/** Part 2: every snapshot against what is known to be true without us. Tells whether all are right. */
export async function checkSnapshots(state: TourState): Promise<boolean> {
  const { orm, terminal, history, replayed } = state;
  terminal.section(`Check against ${history.truth}`);
  const progress = new Progress(terminal, 'commits compared', Math.min(POINTS, replayed.changing.length));
  const startedMs = performance.now();
  const compared = await compareSnapshots(orm, state, {
    points: POINTS,
    maxSnapshots: MAX_SNAPSHOTS,
    onPoint: done => progress.update(done),
  }).finally(() => progress.end());
  const seconds = (performance.now() - startedMs) / 1000;
  const { commits, snapshots, documents, differences } = compared;
  const result =
    `${countOf(commits, 'commit')}, ${countOf(snapshots, 'snapshot')} compared with ${history.truth}, ` +
    countOf(differences.length, 'difference');
  if (differences.length === 0) {
    terminal.success(result);
  } else {
    terminal.failure(result);
    const rows = differences.slice(0, SHOWN_DIFFERENCES).map(({ commit, path, problem }) => [commit, path, problem]);
    terminal.table([{ title: 'commit' }, { title: 'path', cut: 'start' }, { title: 'problem' }], rows);
  }
  const all = replayed.index.documents.length;
  const which =
    documents === all ? 'every document ever seen' : `${formatCount(documents)} of ${formatCount(all)} documents`;
  terminal.say(`Path, mode, blob and size of ${which}, or that it was not there: ${seconds.toFixed(1)} s.`);
  return differences.length === 0;
}
