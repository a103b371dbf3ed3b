import fc from 'fast-check';
import type { TestOrm } from '../support/orm.js';
import { seed } from '../support/property.js';
import { byObject, Witness } from '../support/witness.js';
import { EXCEPTIONS } from './domain.js';
import { fold, STORED_DELTAS, type StoredDelta, wrongVersions } from './fold.js';
import { startingRows } from './rows.js';
import { type Failure, isExpected, run } from './run.js';
import { type Script, script } from './script.js';
import { createStage } from './stage.js';

const RUNS = Number(process.env['FC_RUNS'] ?? 100);

let t: TestOrm;
let witness: Witness;
let untracked: TestOrm | undefined;

beforeAll(async () => {
  t = await createStage();
  witness = await Witness.install(t, EXCEPTIONS);
});

afterAll(async () => {
  await t.close();
  await untracked?.close();
});

/** What fails in the same way without Revy is not for us to mend. */
async function failsUntracked(drawn: Script, { transaction, error }: Failure): Promise<boolean> {
  untracked ??= await createStage({ revy: false });
  await untracked.database.query(startingRows(drawn.variant));
  const failures = await run(untracked.orm, drawn);
  return failures.some(other => other.transaction === transaction && firstLine(other.error) === firstLine(error));
}

function firstLine({ message }: Error): string {
  return message.split('\n')[0]!;
}

const counts: Record<string, number> = {};

it(`records of random work what triggers see (seed ${seed})`, async () => {
  const property = fc.asyncProperty(script, async drawn => {
    const t0 = performance.now();
    await t.database.query(startingRows(drawn.variant));
    await witness.startHere();
    const t1 = performance.now();
    const failures = await run(t.orm, drawn);
    const t2 = performance.now();
    counts['ms start'] = (counts['ms start'] ?? 0) + t1 - t0;
    counts['ms run'] = (counts['ms run'] ?? 0) + t2 - t1;
    counts['runs'] = (counts['runs'] ?? 0) + 1;

    for (const failure of failures) {
      const { error } = failure;
      const isOwn = isExpected(error) ? undefined : await failsUntracked(drawn, failure);
      if (isOwn === false) throw error;
      const name = error.constructor.name + (isOwn ? ` ${firstLine(error).slice(0, 120)}` : '');
      counts[name] = (counts[name] ?? 0) + 1;
    }
    const transactions = await witness.transactions();
    const deltas = await t.database.query<StoredDelta>(STORED_DELTAS);
    counts['transactions'] = (counts['transactions'] ?? 0) + transactions.length;
    counts['deltas'] = (counts['deltas'] ?? 0) + deltas.length;
    expect(wrongVersions(deltas)).toEqual([]);
    const recorded = await witness.recorded();
    const expected = transactions.map(({ id, changes }) => [id, byObject(changes)] as const);
    expect(Object.fromEntries(recorded)).toEqual(Object.fromEntries(expected));
    const revisions = await t.database.query<{ tx: string }>(
      'select transaction_id::text as tx from revy_revision order by id',
    );
    expect(revisions.map(({ tx }) => tx)).toEqual(transactions.map(({ id }) => id));
    expect(fold(witness.base, deltas)).toEqual(await witness.live());
  });
  const cpu = process.cpuUsage();
  try {
    await fc.assert(property, { seed, numRuns: RUNS, path: process.env['FC_PATH'] ?? '', timeout: 30_000 });
  } finally {
    counts['cpu ms'] = process.cpuUsage(cpu).user / 1000;
    process.stderr.write(JSON.stringify(counts, null, 1) + '\n');
  }
}, 3_600_000);
