import { once } from 'node:events';
import path from 'node:path';
import type { TestOrm } from '../support/orm.js';
import { seed } from '../support/property.js';
import { spawnTypescript } from '../support/spawn-typescript.js';
import { Witness } from '../support/witness.js';
import { amount } from './amount.js';
import { EXCEPTIONS } from './domain.js';
import { STORED_DELTAS, type StoredDelta, wrongVersions } from './fold.js';
import { recordedSteps, witnessedSteps } from './per-object.js';
import { startingRows } from './rows.js';
import { createStage } from './stage.js';
import { SHARED_IDS, type Shift, work, type Worked } from './work.js';

const POOL = { min: 0, max: 16 };
const WORKERS = 16;

async function start({ database }: TestOrm): Promise<void> {
  await database.query(startingRows(0));
  await database.query(
    `insert into person (id, name, rank, touched) select id, 'person ' || id, 0, 0 from unnest($1::int[]) id`,
    [SHARED_IDS],
  );
}

/** Some workers in this process, the others in processes of their own, on the same rows. */
async function workTogether({ orm, database }: TestOrm, seconds: number): Promise<Worked[]> {
  const share = Math.ceil(WORKERS / (amount.workProcesses + 1));
  const shift = (n: number): Shift => ({ workers: share, seconds, seed: seed + 100 * n });
  const others = Array.from({ length: amount.workProcesses }, (_, n) => workElsewhere(database.url, shift(n + 1)));
  return Promise.all([work(orm, shift(0)), ...others]);
}

async function workElsewhere(url: string, shift: Shift): Promise<Worked> {
  const child = spawnTypescript(path.join(import.meta.dirname, 'work-process.ts'), [url, JSON.stringify(shift)]);
  let printed = '';
  child.stdout!.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  expect(await once(child, 'close')).toEqual([0, null]);
  return JSON.parse(printed) as Worked;
}

it(`Q4: ${WORKERS} workers on the same 50 rows lose no delta, double none, and keep their order (seed ${seed})`, async () => {
  const stage = await createStage({ pool: POOL });
  try {
    const witness = await Witness.install(stage, EXCEPTIONS);
    await start(stage);
    await witness.forget();
    const before = await witness.liveRows();
    const worked = await workTogether(stage, amount.workSeconds);
    expect(Math.min(...worked.map(({ done }) => done))).toBeGreaterThan(0);
    expect(worked.map(({ deadlocks }) => deadlocks)).toEqual(worked.map(() => 0));
    expect(await recordedSteps(witness)).toEqual(await witnessedSteps(witness, before));
    expect(wrongVersions(await stage.database.query<StoredDelta>(STORED_DELTAS))).toEqual([]);
  } finally {
    await stage.close();
  }
}, 600_000);

it('Q4: they do not wait for each other in circles without Revy, either', async () => {
  const stage = await createStage({ revy: false, pool: POOL });
  try {
    await start(stage);
    const { done, deadlocks } = await work(stage.orm, { workers: WORKERS, seconds: amount.workSeconds / 2, seed });
    expect([done > 0, deadlocks]).toEqual([true, 0]);
  } finally {
    await stage.close();
  }
}, 600_000);
