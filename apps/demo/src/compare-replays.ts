import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { DemoError } from './demo.errors.js';
import { recreateDatabase } from './recreate-database.js';
import type { HistoryChoice } from './replay/choose-history.js';
import type { Measurement, MeasureOrder } from './replay/measure.js';
import type { Terminal } from './tour/terminal.js';
import { countOf } from './tour/words.js';

const ROUNDS = 3;
const MEASURE = fileURLToPath(new URL('./replay/measure.js', import.meta.url));

interface Pair {
  readonly untracked: Measurement;
  readonly tracked: Measurement;
}

/** Replays the same history without and with tracking, in turns, and says what tracking costs. */
export async function compareReplays(serverUrl: string, choice: HistoryChoice, terminal: Terminal): Promise<void> {
  terminal.section('The replay without and with tracking');
  const pairs: Pair[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const untracked = await measureInProcess({ serverUrl, choice, isTracked: false });
    const tracked = await measureInProcess({ serverUrl, choice, isTracked: true });
    pairs.push({ untracked, tracked });
    terminal.say(
      `Round ${round} of ${ROUNDS}: ${countOf(tracked.changes, 'change')} in ${untracked.seconds.toFixed(1)} s ` +
        `untracked, ${tracked.seconds.toFixed(1)} s tracked.`,
    );
  }
  terminal.line();
  const titles = ['round', 'seconds', 'CPU s', 'changes/s', 'peak MB', 'MB at 20 %', 'MB at 60 %', 'MB at 100 %'];
  terminal.table(
    titles.map((title, index) => ({ title, align: index === 0 ? 'left' : 'right' })),
    pairs.flatMap(({ untracked, tracked }, index) => [
      describe(`${index + 1}  untracked`, untracked),
      describe(`${index + 1}  tracked`, tracked),
    ]),
  );
  terminal.line();
  terminal.say(
    `Tracked against untracked, ${compareBy(pairs, 'seconds')}; CPU of Node, ${compareBy(pairs, 'cpuSeconds')}.`,
  );
}

/** The ratio of the fastest runs, for a busy machine only ever adds; and those of each round, for the spread. */
function compareBy(pairs: readonly Pair[], measure: 'seconds' | 'cpuSeconds'): string {
  const fastest = (of: keyof Pair) => Math.min(...pairs.map(pair => pair[of][measure]));
  const ratios = pairs.map(({ tracked, untracked }) => tracked[measure] / untracked[measure]);
  const [lowest, highest] = [Math.min(...ratios), Math.max(...ratios)].map(ratio => ratio.toFixed(2));
  const ratio = (fastest('tracked') / fastest('untracked')).toFixed(2);
  return `fastest runs: ${ratio} times (rounds: ${lowest} to ${highest})`;
}

function describe(name: string, { seconds, cpuSeconds, changes, peakBytes, residentBytes }: Measurement): string[] {
  const megabytes = (bytes: number | undefined) => (bytes === undefined ? '' : String(Math.round(bytes / 1e6)));
  const [at20, at60, at100] = [residentBytes[1], residentBytes[5], residentBytes.at(-1)];
  const speed = Math.round(changes / seconds).toLocaleString('en-US');
  return [name, seconds.toFixed(2), cpuSeconds.toFixed(2), speed, ...[peakBytes, at20, at60, at100].map(megabytes)];
}

async function measureInProcess(job: {
  serverUrl: string;
  choice: HistoryChoice;
  isTracked: boolean;
}): Promise<Measurement> {
  const { choice, isTracked } = job;
  const name = isTracked ? 'revy_demo' : 'revy_demo_untracked';
  const order: MeasureOrder = { choice, isTracked, databaseUrl: await recreateDatabase(job.serverUrl, name) };
  const child = fork(MEASURE, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const failed = once(child, 'exit').then(([code]) => {
    if (code !== 0) {
      throw new DemoError(`The measured replay ended with code ${String(code)}.`);
    }
    return once(child, 'message');
  });
  child.send(order);
  const [measurement] = (await Promise.race([once(child, 'message'), failed])) as [Measurement];
  return measurement;
}
