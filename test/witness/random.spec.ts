import fc from 'fast-check';
import type { TestOrm } from '../support/orm.js';
import { seed } from '../support/property.js';
import { Witness } from '../support/witness.js';
import { wrongActors } from './actors.js';
import { expectAgreement } from './agreement.js';
import { amount } from './amount.js';
import { EXCEPTIONS } from './domain.js';
import { expectPast } from './past.js';
import { startingRows } from './rows.js';
import { type Failure, isExpected, run } from './run.js';
import { type Script, script } from './script.js';
import { createStage } from './stage.js';

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

let runs = 0;

async function perform(drawn: Script): Promise<void> {
  // each run deletes the rows of the one before, which would all be read again
  if (runs++ % 100 === 99) await t.database.query('vacuum');
  await t.database.query(startingRows(drawn.variant));
  await witness.startHere();
  for (const failure of await run(t.orm, drawn)) {
    if (!isExpected(failure.error) && !(await failsUntracked(drawn, failure))) throw failure.error;
  }
}

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

it(`records of random work what triggers see, and rebuilds what there was (seed ${seed})`, async () => {
  const property = fc.asyncProperty(script, async drawn => {
    await perform(drawn);
    await expectAgreement(t, witness);
    expect(await wrongActors(t, drawn)).toEqual([]);
    if (drawn.variant < amount.pastShare * 100) await expectPast(t, witness, drawn.variant);
  });
  await fc.assert(property, { seed, ...amount.property, timeout: 60_000 });
}, 86_400_000);
