import { SnapshotService } from '@revy/mikro-orm';
import { Document } from '../library/document.entity.js';
import { byPath, compareSnapshots, type ComparisonOptions, readOneByOne, type ReadPast } from './compare-snapshots.js';
import { Progress } from './progress.js';
import type { TourState } from './tour-state.js';
import { countOf } from './words.js';

const readTogether: ReadPast = async (orm, documents, revision) => {
  const ids = documents.map(({ id }) => id);
  const found = await new SnapshotService(orm.em.fork()).many(Document, ids, { revision });
  return byPath([...found.values()].map(snapshot => snapshot.entity));
};

const readAsOf: ReadPast = async (orm, _, revision) =>
  new SnapshotService(orm.em.fork()).asOf({ revision }, async em => byPath(await em.find(Document, {})));

type Way = Pick<ComparisonOptions, 'read'> & { readonly name: string };

const WAYS: readonly Way[] = [
  { name: 'snapshots.many()', read: readTogether },
  { name: 'snapshots.asOf() with find()', read: readAsOf },
  { name: 'snapshots.at()', read: readOneByOne },
];

/** In place of the tour: every document at every commit, by each way to read the past. Tells whether all are right. */
export async function checkEveryCommit(state: TourState): Promise<boolean> {
  const { orm, terminal, history, replayed } = state;
  terminal.section(`Check every commit against ${history.truth}`);
  let isRight = true;
  for (const { name, ...way } of WAYS) {
    const points = replayed.changing.length;
    const progress = new Progress(terminal, `commits compared by ${name}`, points);
    const startedMs = performance.now();
    const options = { ...way, points, maxSnapshots: Infinity, onPoint: (done: number) => progress.update(done) };
    const compared = await compareSnapshots(orm, state, options).finally(() => progress.end());
    const { commits, snapshots, differences } = compared;
    const seconds = (performance.now() - startedMs) / 1000;
    const result = `${name}: ${countOf(commits, 'commit')}, ${countOf(snapshots, 'document')} compared, ${countOf(differences.length, 'difference')}, ${seconds.toFixed(0)} s`;
    if (differences.length === 0) {
      terminal.success(result);
    } else {
      terminal.failure(result);
      const [first] = differences;
      terminal.say(`The first: ${first!.path} at ${first!.commit} ${first!.problem}.`);
      isRight = false;
    }
  }
  return isRight;
}
