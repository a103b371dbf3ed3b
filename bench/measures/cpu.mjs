import { existsSync, readFileSync } from 'node:fs';
import { CustomerWork } from '../support/customer-work.mjs';
import { tidy, withEntrants } from '../support/entrants.mjs';
import { ms } from '../support/report.mjs';
import { query } from '../support/server.mjs';
import { median } from '../support/sampling.mjs';

const actions = ['insert', 'update', 'delete'];

/**
 * Who works for how long: this process and the server's backend. Less noisy than the clock on a busy machine, and it
 * tells whether the client or the statement is what costs. It leaves out waiting for the disk and for the network.
 */
export const cpu = {
  name: 'cpu',
  title: 'CPU of one flush, client and server',
  async run({ serverUrl, pairs, isQuick }) {
    const sizes = [1, isQuick ? 200 : 1000];
    return withEntrants({ serverUrl, seedRows: 1000 }, async entrants => {
      const fast = entrants.filter(({ isSlow }) => !isSlow);
      for (const entrant of fast) if (!(await watch(entrant))) return unavailable;
      for (const rows of sizes) await sample(fast, rows, rows === 1 ? pairs * 20 : pairs);
      return report(fast, sizes);
    });
  },
};

const unavailable = { notes: ['Needs Linux, and the server on this machine.'], tables: [], targets: [], details: null };

async function watch(entrant) {
  entrant.samples = {};
  entrant.work = new CustomerWork(entrant, {
    ids: entrant.work.seededIds,
    counter: 500_000,
    aroundFlush: async flush => {
      const before = [clientMs(), backendMs(entrant)];
      await flush();
      entrant.lastCpu = [clientMs() - before[0], backendMs(entrant) - before[1]];
    },
  });
  const backends = await query(
    entrant.database.url,
    'select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  );
  entrant.schedstats = backends.map(({ pid }) => `/proc/${pid}/schedstat`);
  if (!entrant.schedstats.every(file => existsSync(file))) return false;
  for (let i = 0; i < 100; i++) for (const action of actions) await entrant.work[action](1);
  for (let i = 0; i < 3; i++) for (const action of actions) await entrant.work[action](300);
  return true;
}

async function sample(entrants, rows, rounds) {
  for (let round = 0; round < rounds; round++) {
    const inTurn = round % 2 === 0 ? entrants : entrants.toReversed();
    for (const entrant of inTurn) {
      for (const action of actions) {
        await entrant.work[action](rows);
        (entrant.samples[`${action} ${rows}`] ??= []).push(entrant.lastCpu);
      }
    }
    if (rows > 1) for (const entrant of entrants) await tidy(entrant);
  }
}

function clientMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The first number is the nanoseconds that the process has run. */
function backendMs({ schedstats }) {
  const nanoseconds = schedstats.map(file => Number(readFileSync(file, 'utf8').split(' ')[0]));
  return nanoseconds.reduce((a, b) => a + b, 0) / 1e6;
}

function report(entrants, sizes) {
  const columns = sizes.flatMap(rows => actions.map(action => `${action} ${rows}`));
  const medians = ({ samples }, column) => [0, 1].map(side => median(samples[column].map(each => each[side])));
  return {
    tables: [
      {
        title: 'Milliseconds of CPU, client + server (medians)',
        columns: ['design', ...columns],
        rows: entrants.map(each => [
          each.name,
          ...columns.map(column =>
            medians(each, column)
              .map(number => ms(number))
              .join(' + '),
          ),
        ]),
      },
    ],
    targets: [],
    details: entrants.map(each => ({
      design: each.name,
      ...Object.fromEntries(columns.map(column => [column, medians(each, column)])),
    })),
  };
}
