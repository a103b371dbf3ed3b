import { revyEntrant } from '../competitors/revy.mjs';
import { tidy, withEntrants } from '../support/entrants.mjs';
import { ms, spread } from '../support/report.mjs';
import { median, ratio, samplePairs } from '../support/sampling.mjs';

const objects = 20;

/**
 * Whether the flush stays as it was while histories grow. All objects of the long one have many deltas, because what
 * PostgreSQL expects to read for one object, it takes from the average.
 */
export const aged = {
  name: 'aged',
  title: 'The flush after years of history',
  async run({ serverUrl, pairs, isQuick }) {
    const versions = isQuick ? 200 : 1000;
    const designs = ['young', 'aged'].map(age => ({ ...revyEntrant, name: `Revy ${age}` }));
    return withEntrants({ serverUrl, designs, seedRows: objects }, async ([young, old]) => {
      for (let version = 9; version <= versions; version++) await old.work.update(objects);
      const results = [];
      for (const rows of [1, objects]) {
        for (const each of [young, old]) await tidy(each);
        for (let i = 0; i < 30; i++) for (const { work } of [young, old]) await work.update(rows);
        const [baseline, entrant] = [young, old].map(
          ({ work }) =>
            () =>
              work.update(rows),
        );
        results.push({ rows, samples: await samplePairs({ baseline, entrant, pairs, repeats: 16 }) });
      }
      return report(results, versions);
    });
  },
};

function report(results, versions) {
  const rows = results.map(({ rows, samples }) => [
    `flush of ${rows} updates`,
    spread(ratio(samples)),
    ms(median(samples.baseline)),
    ms(median(samples.entrant)),
  ]);
  return {
    tables: [
      {
        title: `${objects} objects in the table, with some 10 versions each (young) and with ${versions} (aged)`,
        columns: ['', 'aged by young', 'young, ms', 'aged, ms'],
        rows,
      },
    ],
    targets: [
      {
        id: 'aged',
        measure: `\`em.flush()\` of one update at ${versions} versions of each object by that at 10 (ours, not the design's)`,
        limit: 1.2,
        value: ratio(results[0].samples).median,
      },
    ],
    details: results,
  };
}
