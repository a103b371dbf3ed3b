import { MikroORM } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { libraryConfig } from '../../apps/demo/src/mikro-orm.config.js';
import type { CommitTree, File, History } from '../../apps/demo/src/replay/commit.js';
import { GeneratedHistory } from '../../apps/demo/src/replay/generated-history.js';
import { replay, type ReplayResult } from '../../apps/demo/src/replay/replay.js';
import { revisionFrame } from '../../apps/demo/src/replay/revision-frame.js';
import { compareSnapshots, spreadEvenly } from '../../apps/demo/src/tour/compare-snapshots.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { collect } from './git-repository.js';

describe('the comparison of snapshots with the truth', () => {
  let database: TestDatabase;
  let orm: MikroORM;
  let replayed: ReplayResult;
  const history = new GeneratedHistory();

  beforeAll(async () => {
    database = await createDatabase();
    orm = await MikroORM.init(libraryConfig(database.url));
    await orm.schema.create();
    replayed = await replay(orm, history, { frame: revisionFrame });
  });

  afterAll(async () => {
    await orm.close();
    await database.drop();
  });

  it('rests on one revision a commit, even where a folder comes and another goes', async () => {
    const [row] = await database.query(
      `select count(*)::int as revisions, count(distinct metadata ->> 'commit')::int as commits from revy_revision`,
    );
    expect(row).toEqual({ revisions: 120, commits: 120 });
    expect(replayed).toMatchObject({ commits: 120, changes: 374 });
  });

  it('finds none where there is none', async () => {
    const compared = await compareSnapshots(orm, { history, replayed }, { points: 5, maxSnapshots: 10_000 });
    expect(compared).toEqual({ commits: 5, snapshots: 5 * 220, documents: 220, differences: [] });
  });

  it('finds a wrong attribute, a document too many and one too few', async () => {
    const [truth] = await collect(history.trees(['120']));
    const [[wrong], [missing]] = [...truth!.tree.keys()].slice(0, 2).map(path => [path]) as [[string], [string]];
    async function* trees(ids: readonly string[]): AsyncGenerator<CommitTree> {
      for await (const { id, tree } of history.trees(ids)) {
        const changed = new Map<string, File>(tree).set(wrong, { ...tree.get(wrong)!, size: -1, mode: 'x' });
        changed.delete(missing);
        yield { id, tree: changed.set('never', { mode: 'x', blob: 'x', size: 1 }) };
      }
    }
    const lie: History = Object.assign(new GeneratedHistory(), { trees });
    const options = { points: 1, maxSnapshots: 10_000 };
    const { differences } = await compareSnapshots(orm, { history: lie, replayed }, options);
    const { mode, size } = truth!.tree.get(wrong)!;
    expect(differences.toSorted((a, b) => a.problem.localeCompare(b.problem))).toEqual([
      { commit: '120', path: 'never', problem: 'existed then, but has no snapshot' },
      { commit: '120', path: missing, problem: 'has a snapshot, but did not exist then' },
      { commit: '120', path: wrong, problem: `mode is ${mode}, not x; size is ${size}, not -1` },
    ]);
  });

  it('looks at some documents where there are too many, all that shared a path among them', async () => {
    const compared = await compareSnapshots(orm, { history, replayed }, { points: 2, maxSnapshots: 100 });
    expect(compared).toMatchObject({ commits: 2, snapshots: 2 * compared.documents, differences: [] });
    expect(compared.documents).toBeGreaterThan(30);
    expect(compared.documents).toBeLessThan(70);
  });

  it('spreads its points evenly, up to the last commit', () => {
    expect(spreadEvenly([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 4)).toEqual([3, 5, 8, 10]);
    expect(spreadEvenly(['only'], 20)).toEqual(['only']);
    expect(spreadEvenly([], 20)).toEqual([]);
  });
});
