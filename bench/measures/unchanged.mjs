import { median, milliseconds, ratio, samplePairs } from '../support/sampling.mjs';
import { change } from '../support/customer.mjs';
import { revyEntrant } from '../competitors/revy.mjs';
import { untracked } from '../competitors/untracked.mjs';
import { withEntrants } from '../support/entrants.mjs';
import { ms, spread } from '../support/report.mjs';

/** What a unit of work full of unchanged objects pays: the common case of a request that reads much and changes little. */
export const unchanged = {
  name: 'unchanged',
  title: 'Many loaded objects, few or no changes',
  async run({ serverUrl, pairs, isQuick }) {
    const rows = isQuick ? 2000 : 10_000;
    return withEntrants({ serverUrl, designs: [untracked, revyEntrant], seedRows: 0 }, async entrants => {
      for (const entrant of entrants) await entrant.work.insert(rows);
      return report(await measureAll(entrants, pairs), rows);
    });
  },
};

async function measureAll([baseline, entrant], pairs) {
  const results = [];
  for (const [name, measure] of Object.entries(cases)) {
    const [first, second] = await Promise.all([measure(baseline), measure(entrant)]);
    for (let i = 0; i < 3; i++) await second(await first());
    const samples = await samplePairs({ baseline: first, entrant: second, pairs, repeats: 4 });
    results.push({
      name,
      ratio: ratio(samples),
      untrackedMs: median(samples.baseline),
      trackedMs: median(samples.entrant),
    });
  }
  return results;
}

/** Each prepares and returns what is then sampled. */
const cases = {
  'flush, nothing changed': async entrant => {
    const { em } = await load(entrant);
    return () => milliseconds(() => em.flush());
  },
  'a frame around that flush': async entrant => {
    const { em } = await load(entrant);
    return () => milliseconds(() => entrant.within(() => em.flush()));
  },
  'ten frames one after the other, then a flush': async entrant => {
    const { em } = await load(entrant);
    return () =>
      milliseconds(async () => {
        for (let i = 0; i < 10; i++) await entrant.within(async () => {});
        await em.flush();
      });
  },
  'flush, 1 changed': async entrant => {
    const { em, customers } = await load(entrant);
    let n = 0;
    return () =>
      entrant.within(() => {
        change(customers[5], ++n);
        return milliseconds(() => em.flush());
      });
  },
  'find, all of them': async entrant => async () => {
    const em = entrant.orm.em.fork();
    return milliseconds(() => em.find(entrant.Customer, {}));
  },
  'setting 3 attributes of each': async entrant => {
    const { customers } = await load(entrant);
    let n = 0;
    return () => milliseconds(() => entrant.within(async () => customers.forEach(customer => change(customer, ++n))));
  },
};

async function load(entrant) {
  const em = entrant.orm.em.fork();
  return { em, customers: await em.find(entrant.Customer, {}) };
}

function report(results, rows) {
  const added = results[0].ratio.median - 1;
  return {
    tables: [
      {
        title: `${rows.toLocaleString('en')} loaded objects`,
        columns: ['', 'ratio', 'untracked, ms', 'tracked, ms'],
        rows: results.map(each => [each.name, spread(each.ratio), ms(each.untrackedMs), ms(each.trackedMs)]),
      },
    ],
    targets: [
      {
        id: 'unchanged',
        measure: `flush of ${rows.toLocaleString('en')} loaded but unchanged objects, added time`,
        wanted: '≤ 5 %',
        limit: 0.05,
        value: added,
        shown: `${(added * 100).toFixed(1)} %`,
      },
    ],
    details: results,
  };
}
