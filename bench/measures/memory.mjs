import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { revyEntrant } from '../competitors/revy.mjs';
import { untracked } from '../competitors/untracked.mjs';
import { withEntrants } from '../support/entrants.mjs';

/** What is still held after many tracked flushes: nothing may pile up. */
export const memory = {
  name: 'memory',
  title: 'Memory held after many flushes',
  async run({ serverUrl, flushes }) {
    return withEntrants({ serverUrl, designs: [untracked, revyEntrant], seedRows: 1000 }, async entrants => {
      const results = [];
      for (const entrant of entrants) {
        const share = entrant.name === 'untracked' ? flushes / 5 : flushes;
        results.push({ design: entrant.name, points: await inChild(entrant, share) });
      }
      return report(results);
    });
  },
};

/** In a process of its own: what the other measures left behind does not count. */
function inChild(entrant, flushes) {
  const script = fileURLToPath(new URL('../support/flush-forever.mjs', import.meta.url));
  const child = spawn(process.execPath, ['--expose-gc', script], {
    env: {
      ...process.env,
      REVY_BENCH_URL: entrant.database.url,
      REVY_BENCH_DESIGN: entrant.name,
      REVY_BENCH_FLUSHES: String(flushes),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', chunk => (output += chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', code =>
      code === 0 ? resolve(JSON.parse(output)) : reject(new Error(`The child ended with ${code}.`)),
    );
  });
}

function report(results) {
  const { points } = results.find(each => each.design === 'Revy');
  const growth = (points.at(-1).heapUsed - points[1].heapUsed) / (points.at(-1).flushes - points[1].flushes);
  return {
    notes: [
      '`heapUsed` after a full collection, in a process of its own; each flush in a fork of its own, as a request has it.',
    ],
    tables: results.map(({ design, points: each }) => ({
      title: design,
      columns: ['flushes', ...each.map(point => point.flushes.toLocaleString('en'))],
      rows: [['MB', ...each.map(point => (point.heapUsed / 2 ** 20).toFixed(2))]],
    })),
    targets: [
      {
        id: 'memory',
        measure: `memory held after ${points.at(-1).flushes.toLocaleString('en')} tracked flushes`,
        wanted: 'flat (≤ 5 bytes a flush)',
        limit: 5,
        value: growth,
        shown: `${growth.toFixed(1)} bytes a flush`,
      },
    ],
    details: results,
  };
}
