// Runs the measures of the design and writes what they found: see README.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { aged } from './measures/aged.mjs';
import { context } from './measures/context.mjs';
import { cpu } from './measures/cpu.mjs';
import { disk } from './measures/disk.mjs';
import { flush } from './measures/flush.mjs';
import { memory } from './measures/memory.mjs';
import { pastIndex } from './measures/past-index.mjs';
import { reading } from './measures/reading.mjs';
import { revert } from './measures/revert.mjs';
import { roundTrip } from './measures/round-trip.mjs';
import { shapes } from './measures/shapes.mjs';
import { snapshot } from './measures/snapshot.mjs';
import { statements } from './measures/statements.mjs';
import { unchanged } from './measures/unchanged.mjs';
import { describeRun, finishRun, toMarkdown } from './support/report.mjs';
import { openServer } from './support/server.mjs';

const measures = [
  statements,
  flush,
  cpu,
  roundTrip,
  unchanged,
  shapes,
  context,
  aged,
  snapshot,
  reading,
  pastIndex,
  revert,
  disk,
  memory,
];

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false },
    pairs: { type: 'string' },
    flushes: { type: 'string' },
    save: { type: 'string' },
    'async-commit': { type: 'boolean', default: false },
  },
});

const options = {
  isQuick: values.quick,
  pairs: Number(values.pairs ?? (values.quick ? 5 : 15)),
  flushes: Number(values.flushes ?? (values.quick ? 2000 : 100_000)),
};
const chosen = values.only
  ? measures.filter(({ name }) => values.only.some(only => only.split(',').includes(name)))
  : measures;
if (chosen.length === 0) throw new Error(`No such measure. There are: ${measures.map(({ name }) => name).join(', ')}.`);

const server = await openServer({ isCommitAsync: values['async-commit'] });
try {
  await runAll();
} finally {
  await server.stop();
}

async function runAll() {
  const run = describeRun({ command: ['npm run bench --', ...process.argv.slice(2)].join(' '), server });
  const results = [];
  for (const measure of chosen) {
    console.error(`${measure.name} …`);
    results.push({
      name: measure.name,
      title: measure.title,
      ...(await measure.run({ serverUrl: server.url, ...options })),
    });
  }
  const reasons = JSON.parse(readFileSync(new URL('reasons.json', import.meta.url), 'utf8'));
  const report = { run: finishRun(run), results, reasons };
  console.log(toMarkdown(report));
  const name =
    values.save ?? (isComplete() ? `${run.date.slice(0, 10)}-postgresql-${run.postgres.version.split('.')[0]}` : null);
  if (name) save(name, report);
}

function isComplete() {
  return chosen.length === measures.length && !values.quick;
}

function save(name, { run, results, reasons }) {
  const file = extension => new URL(`results/${name}.${extension}`, import.meta.url);
  writeFileSync(file('md'), toMarkdown({ run, results, reasons }));
  writeFileSync(file('json'), `${JSON.stringify({ run, results }, null, 1)}\n`);
  console.error(`Written to bench/results/${name}.md and .json`);
}
