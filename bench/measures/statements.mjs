import { startDelayingProxy } from '../support/delaying-proxy.mjs';
import { CustomerWork } from '../support/customer-work.mjs';
import { allDesigns, withEntrants } from '../support/entrants.mjs';

const cases = [
  ['insert', 1],
  ['update', 1],
  ['delete', 1],
  ['insert', 1000],
  ['update', 1000],
  ['delete', 1000],
];

/** What goes over the wire: Query and Execute messages, and how often the client waits for an answer. */
export const statements = {
  name: 'statements',
  title: 'Statements and round trips of one flush (BEGIN and COMMIT included)',
  async run({ serverUrl }) {
    const proxy = await startDelayingProxy(serverUrl, 0);
    try {
      return await withEntrants({ serverUrl, seedRows: 1000 }, entrants => countAll(entrants, proxy));
    } finally {
      await proxy.stop();
    }
  },
};

async function countAll(entrants, proxy) {
  const counts = {};
  for (const entrant of entrants) {
    const design = allDesigns.find(each => each.name === entrant.name);
    const seen = { ...(await design.open(proxy.through(entrant.database.url))) };
    seen.work = new CustomerWork(seen, {
      ids: entrant.work.seededIds,
      counter: 1_000_000,
      aroundFlush: async flush => {
        await proxy.takeCounts();
        await flush();
        seen.counted = await proxy.takeCounts();
      },
    });
    counts[entrant.name] = [];
    for (const action of ['insert', 'update', 'delete']) await seen.work[action](1);
    for (const [action, rows] of cases) {
      await seen.work[action](rows);
      counts[entrant.name].push(seen.counted);
    }
    await seen.orm.close();
  }
  return report(counts);
}

function report(counts) {
  const added = counts.Revy.map(({ statements }, i) => statements - counts.untracked[i].statements);
  return {
    tables: [
      {
        title: 'Statements / round trips',
        columns: ['design', ...cases.map(([action, rows]) => `${action} ${rows}`)],
        rows: Object.entries(counts).map(([name, each]) => [
          name,
          ...each.map(({ statements, roundTrips }) => `${statements} / ${roundTrips}`),
        ]),
      },
    ],
    targets: [
      {
        id: 'statements',
        measure: 'statements added to a transaction, most of the cases below',
        wanted: '1',
        limit: 1,
        value: Math.max(...added),
      },
    ],
    details: counts,
  };
}
