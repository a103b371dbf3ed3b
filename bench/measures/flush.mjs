import { median, ratio, samplePairs } from '../support/sampling.mjs';
import { tidy, withEachPair } from '../support/entrants.mjs';
import { ms, spread } from '../support/report.mjs';

const actions = ['insert', 'update', 'delete'];

/** What tracking adds to `em.flush()`, for every design. */
export const flush = {
  name: 'flush',
  title: '`em.flush()`, ratio to the untracked flush',
  async run({ serverUrl, pairs, isQuick }) {
    const rowsMany = isQuick ? 200 : 1000;
    const results = [];
    await withEachPair({ serverUrl, seedRows: 1000 }, async (untracked, entrant) => {
      await warmUp([untracked, entrant]);
      for (const rows of [1, rowsMany]) {
        results.push(...(await compare({ untracked, entrant, rows, pairs: entrant.isSlow && rows > 1 ? 5 : pairs })));
      }
      results.push(await compareRequests({ untracked, entrant, pairs }));
    });
    return report(results, rowsMany);
  },
};

async function warmUp(entrants) {
  for (const { work } of entrants) {
    for (let i = 0; i < 60; i++) for (const action of actions) await work[action](1);
    for (let i = 0; i < 2; i++) for (const action of actions) await work[action](300);
  }
}

async function compare({ untracked, entrant, rows, pairs }) {
  const samples = Object.fromEntries(actions.map(action => [action, { baseline: [], entrant: [] }]));
  for (let pair = 0; pair < pairs; pair++) {
    for (const action of actions) {
      const one = await samplePairs({
        baseline: () => untracked.work[action](rows),
        entrant: () => entrant.work[action](rows),
        pairs: 1,
        repeats: rows === 1 ? 32 : 2,
      });
      samples[action].baseline.push(...one.baseline);
      samples[action].entrant.push(...one.entrant);
    }
    if (rows > 1) for (const each of [untracked, entrant]) await tidy(each);
  }
  return actions.map(action => result(entrant, action, rows, samples[action]));
}

async function compareRequests({ untracked, entrant, pairs }) {
  const samples = await samplePairs({
    baseline: () => untracked.work.request(),
    entrant: () => entrant.work.request(),
    pairs,
    repeats: 32,
  });
  return result(entrant, 'request', 1, samples);
}

function result(entrant, action, rows, samples) {
  return {
    design: entrant.name,
    action,
    rows,
    ratio: ratio(samples),
    untrackedMs: median(samples.baseline),
    trackedMs: median(samples.entrant),
  };
}

function report(results, rowsMany) {
  const columns = [...actions.map(action => [action, 1]), ['request', 1], ...actions.map(action => [action, rowsMany])];
  const find = (design, [action, rows]) =>
    results.find(each => each.design === design && each.action === action && each.rows === rows);
  const peer = columns.map(column => {
    const [ours, theirs] = ['Revy', 'statement triggers'].map(design => find(design, column).ratio.median);
    return { column: heading(column), times: ours / theirs };
  });
  return {
    tables: tables(results, columns, find, peer),
    targets: targets((action, rows) => find('Revy', [action, rows]).ratio.median, rowsMany, peer),
    details: results,
  };
}

function heading([action, rows]) {
  return action === 'request' ? 'load + change + flush, 1' : `${action} ${rows}`;
}

function tables(results, columns, find, peer) {
  const designs = [...new Set(results.map(each => each.design))];
  return [
    {
      title: 'Ratio (median of the pairs, with the quartiles)',
      columns: ['design', ...columns.map(heading)],
      rows: [
        ...designs.map(design => [design, ...columns.map(column => spread(find(design, column).ratio))]),
        ['*Revy by statement triggers*', ...peer.map(({ times }) => times.toFixed(2))],
      ],
    },
    {
      title: 'Milliseconds of one flush: untracked → tracked (medians)',
      columns: ['design', ...columns.map(heading)],
      rows: designs.map(design => [
        design,
        ...columns.map(column => find(design, column)).map(each => `${ms(each.untrackedMs)} → ${ms(each.trackedMs)}`),
      ]),
    },
  ];
}

function targets(value, rowsMany, peer) {
  const worst = peer.reduce((a, b) => (a.times > b.times ? a : b));
  const one = ['insert', 'update', 'delete'].map(action => ({
    id: `flush-1-${action}`,
    measure: `\`em.flush()\` of one ${action}, ratio to untracked`,
    limit: 1.3,
    value: value(action, 1),
  }));
  const many = [
    ['update', 1.25],
    ['insert', 1.4],
  ].map(([action, limit]) => ({
    id: `flush-1000-${action}s`,
    measure: `\`em.flush()\` of ${rowsMany} ${action}s, ratio`,
    limit,
    value: value(action, rowsMany),
  }));
  const measure = `our ratio by that of the statement triggers, worst case (${worst.column})`;
  return [...one, ...many, { id: 'peer', measure, limit: 1.1, value: worst.times }];
}
