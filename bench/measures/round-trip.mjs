import { median, ratio, samplePairs } from '../support/sampling.mjs';
import { startDelayingProxy } from '../support/delaying-proxy.mjs';
import { CustomerWork } from '../support/customer-work.mjs';
import { allDesigns, withEachPair } from '../support/entrants.mjs';
import { ms, spread } from '../support/report.mjs';

const roundTripMs = 0.5;
const actions = ['insert', 'update', 'delete'];

/** The flush of one row when the server is a network away, and how often each design waits for it. */
export const roundTrip = {
  name: 'round-trip',
  title: `\`em.flush()\` of one row over a round trip of ${roundTripMs} ms`,
  async run({ serverUrl, pairs }) {
    const proxy = await startDelayingProxy(serverUrl, roundTripMs);
    try {
      const results = [];
      await withEachPair({ serverUrl, seedRows: 200 }, async (...pair) => {
        results.push(...(await compare({ pair, proxy, pairs })));
      });
      return report(results, await measureRoundTrip(serverUrl, proxy));
    } finally {
      await proxy.stop();
    }
  },
};

async function compare({ pair, proxy, pairs }) {
  const [untracked, entrant] = await Promise.all(pair.map(each => farAway(each, proxy)));
  const results = [];
  try {
    for (const action of actions) {
      const [baseline, tracked] = [untracked, entrant].map(
        ({ work }) =>
          () =>
            work[action](1),
      );
      for (let i = 0; i < 30; i++) await tracked(await baseline());
      const samples = await samplePairs({ baseline, entrant: tracked, pairs, repeats: 16 });
      results.push({ design: entrant.name, action, ratio: ratio(samples), samples });
    }
  } finally {
    for (const each of [untracked, entrant]) await each.orm.close();
  }
  return results;
}

/** The same database again, by way of the proxy. */
async function farAway(entrant, proxy) {
  const design = allDesigns.find(each => each.name === entrant.name);
  const far = { name: design.name, ...(await design.open(proxy.through(entrant.database.url))) };
  far.work = new CustomerWork(far, { ids: entrant.work.seededIds, counter: 1_000_000 });
  await far.work.insert(1);
  return far;
}

/** What the proxy really adds, by a statement that does nothing. */
async function measureRoundTrip(serverUrl, proxy) {
  const { default: pg } = await import('pg');
  const clients = [serverUrl, proxy.through(serverUrl)].map(url => new pg.Client({ connectionString: url }));
  await Promise.all(clients.map(client => client.connect()));
  const times = clients.map(() => []);
  for (let i = 0; i < 300; i++) {
    for (const [at, client] of clients.entries()) {
      const start = performance.now();
      await client.query('');
      times[at].push(performance.now() - start);
    }
  }
  await Promise.all(clients.map(client => client.end()));
  return median(times[1]) - median(times[0]);
}

function report(results, addedMs) {
  const designs = [...new Set(results.map(each => each.design))];
  const find = (design, action) => results.find(each => each.design === design && each.action === action);
  return {
    notes: [`The proxy adds ${addedMs.toFixed(2)} ms to an empty statement.`],
    tables: [
      {
        columns: ['design', ...actions],
        rows: designs.map(design => [design, ...actions.map(action => spread(find(design, action).ratio))]),
      },
      {
        title: 'Milliseconds, untracked → tracked',
        columns: ['design', ...actions],
        rows: designs.map(design => [
          design,
          ...actions
            .map(action => find(design, action).samples)
            .map(({ baseline, entrant }) => `${ms(median(baseline))} → ${ms(median(entrant))}`),
        ]),
      },
    ],
    targets: actions.map(action => ({
      id: `round-trip-${action}`,
      measure: `the flush of one ${action} over a ${roundTripMs} ms round trip, ratio`,
      limit: 1.2,
      value: find('Revy', action).ratio.median,
    })),
    details: { addedMs, results },
  };
}
