import { revyEntrant } from '../competitors/revy.mjs';
import { change, newCustomer } from '../support/customer.mjs';
import { tidy, withEntrants } from '../support/entrants.mjs';
import { ms, spread } from '../support/report.mjs';
import { median, milliseconds, ratio, samplePairs } from '../support/sampling.mjs';
import { query } from '../support/server.mjs';

/** What it costs to revert a revision, beside the same change made by hand: loaded, changed and flushed, tracked as well. */
export const revert = {
  name: 'revert',
  title: 'Reverting a revision, beside the same change made by hand',
  async run({ serverUrl, pairs, isQuick }) {
    const { RevertService } = await import('@revy/mikro-orm');
    const sizes = isQuick ? [1, 100] : [1, 100, 10_000];
    return withEntrants({ serverUrl, designs: [revyEntrant], seedRows: 0 }, async ([entrant]) => {
      const results = [];
      for (const size of sizes) {
        for (const [name, kind] of Object.entries(kinds)) {
          const measured = await measure({ entrant, RevertService, size, kind, pairs });
          results.push({ name, size, ...measured });
        }
      }
      return report(results);
    });
  },
};

/**
 * What a revision did to customers, and what undoes it by hand. Each side has customers of its own with the same past,
 * so that a revert and a change by hand find the same.
 */
const kinds = {
  updates: {
    async make({ em, customers }) {
      for (const customer of await em.find(customers.class, customers.chosen)) change(customer, ++customers.counter);
    },
    async unmake({ em, customers }) {
      const { before } = customers;
      for (const customer of await em.find(customers.class, customers.chosen)) {
        em.assign(customer, before.get(customer.id));
      }
    },
  },
  deletions: {
    async make({ em, customers }) {
      for (const customer of await em.find(customers.class, customers.chosen)) em.remove(customer);
    },
    async unmake({ em, customers }) {
      for (const values of customers.before.values()) em.create(customers.class, values, { persist: true });
    },
  },
  creations: {
    isNew: true,
    async make({ em, customers }) {
      for (const id of customers.ids) em.create(customers.class, { id, ...newCustomer(id) }, { persist: true });
    },
    async unmake({ em, customers }) {
      for (const customer of await em.find(customers.class, customers.chosen)) em.remove(customer);
    },
  },
};

async function measure({ entrant, RevertService, size, kind, pairs }) {
  const mine = await prepare(entrant, size, kind);
  const theirs = await prepare(entrant, size, kind);
  const plans = [];
  const sides = {
    baseline: async () => {
      await flushed(entrant, theirs, kind.make);
      return milliseconds(() => flushed(entrant, theirs, kind.unmake));
    },
    entrant: async () => {
      await flushed(entrant, mine, kind.make);
      const revision = await newestRevision(entrant);
      const reverts = () => new RevertService(entrant.orm.em.fork());
      plans.push(await milliseconds(() => reverts().revision(revision, { dryRun: true })));
      return milliseconds(() => entrant.within(() => reverts().revision(revision)));
    },
  };
  await sides.baseline();
  await sides.entrant();
  await check(entrant, mine, theirs);
  plans.length = 0;
  const repeats = size === 1 ? 16 : 1;
  const samples = await samplePairs({ ...sides, pairs, repeats, betweenPairs: () => tidy(entrant) });
  await check(entrant, mine, theirs);
  const [byHandMs, revertMs, planMs] = [samples.baseline, samples.entrant, plans].map(median);
  return { ratio: ratio(samples), byHandMs, revertMs, planMs };
}

/** A step of {@link kinds} on an entity manager of its own. */
function flushed(entrant, customers, step) {
  return entrant.within(async () => {
    const em = entrant.orm.em.fork();
    await step({ em, customers });
    await em.flush();
  });
}

let lastId = 0;

async function prepare(entrant, size, { isNew = false }) {
  const ids = Array.from({ length: size }, () => ++lastId);
  const customers = { class: entrant.Customer, ids, chosen: { id: { $in: ids } }, before: new Map(), counter: 0 };
  if (!isNew) {
    const em = entrant.orm.em.fork();
    for (const id of ids) {
      customers.before.set(id, { id, ...newCustomer(id) });
      em.create(entrant.Customer, { id, ...newCustomer(id) }, { persist: true });
    }
    await entrant.within(() => em.flush());
  }
  return customers;
}

async function newestRevision({ database }) {
  const [{ id }] = await query(database.url, 'select max(id)::int as id from revy_revision');
  return id;
}

/** Both ways have to end at the same rows, or nothing was compared. */
async function check({ database }, ...sides) {
  for (const { ids, before } of sides) {
    const rows = await query(database.url, 'select id, street, credit_limit from customer where id = any($1)', [ids]);
    const isRight = rows.every(row => {
      const was = before.get(row.id);
      return was && was.street === row.street && was.creditLimit === row.credit_limit;
    });
    if (!isRight || rows.length !== before.size)
      throw new Error('A revert, or a change by hand, did not undo the change.');
  }
}

function report(results) {
  return {
    notes: [
      'By hand: the rows are found, changed (made, removed) and flushed, and that is tracked as the revert is. A revert also reads what happened to the objects, plans, locks and looks for whatever is in the way; "plan" is a dry run.',
    ],
    tables: [
      {
        title: 'Milliseconds (medians)',
        columns: ['a revision of', 'objects', 'ratio', 'by hand', 'revert', 'plan alone'],
        rows: results.map(each => [
          each.name,
          each.size.toLocaleString('en'),
          spread(each.ratio),
          ms(each.byHandMs),
          ms(each.revertMs),
          ms(each.planMs),
        ]),
      },
    ],
    targets: [],
    details: results,
  };
}
