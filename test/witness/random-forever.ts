import fc from 'fast-check';
import { run } from './run.js';
import { script } from './script.js';
import { joinStage } from './stage.js';

// A process that works at random until it is killed: `random-forever.ts URL SEED`. What fails, fails in the parent's eyes.

const [url, seed] = process.argv.slice(2);
const orm = await joinStage(url!);
await orm.em.fork().getConnection().execute('select 1');
process.stdout.write('works\n');
for (const drawn of fc.sample(script, { seed: Number(seed), numRuns: 1000 })) await run(orm, drawn);
