import { median, milliseconds, ratio, samplePairs } from '../support/sampling.mjs';
import { ms, spread } from '../support/report.mjs';
import { query } from '../support/server.mjs';
import { address, tidyShop, withShops } from '../support/shop.mjs';

/** What rows with children, links and embedded objects cost, and native writes of many rows. */
export const shapes = {
  name: 'shapes',
  title: 'Cascades, links, embedded objects and native writes',
  async run({ serverUrl, pairs, isQuick }) {
    return withShops({ serverUrl }, async shops => report(await measureAll(shops, { pairs, isQuick })));
  },
};

async function measureAll(shops, { pairs, isQuick }) {
  const results = [];
  for (const [name, { prepare, rows, isSlow }] of Object.entries(cases(isQuick))) {
    const [baseline, entrant] = await Promise.all(shops.map(shop => prepare(shop)));
    await entrant(await baseline());
    const samples = await samplePairs({
      baseline,
      entrant,
      pairs: isSlow ? Math.min(pairs, 5) : pairs,
      repeats: rows <= 100 ? 8 : 1,
      betweenPairs: () => Promise.all(shops.map(tidyShop)),
    });
    results.push({
      name,
      rows,
      ratio: ratio(samples),
      untrackedMs: median(samples.baseline),
      trackedMs: median(samples.entrant),
    });
  }
  return results;
}

/** Each prepares and returns what is then sampled: milliseconds of the flush, or of the call. */
function cases(isQuick) {
  const many = isQuick ? 1000 : 10_000;
  return {
    'flush: delete 1 parent with 10 children': cascade(10),
    'flush: delete 1 parent with 1,000 children': cascade(1000),
    [`flush: delete 1 parent with ${many.toLocaleString('en')} children`]: cascade(many),
    'flush: 100 links added to a collection': { rows: 100, prepare: shop => links(shop, 'added') },
    'flush: 100 links removed from one that was not loaded': { rows: 100, prepare: shop => links(shop, 'removed') },
    'flush: 1,000 objects, both embedded objects changed': { rows: 1000, prepare: embedded },
    [`em.nativeUpdate of ${many.toLocaleString('en')} rows`]: { rows: many, isSlow: true, prepare: nativeUpdate(many) },
    [`em.nativeDelete of ${many.toLocaleString('en')} rows`]: { rows: many, isSlow: true, prepare: nativeDelete(many) },
  };
}

const order = n => ({ note: `Order ${n}`, amount: n, billing: address(n), shipping: address(n + 1) });

function cascade(children) {
  return {
    rows: children,
    isSlow: children > 1000,
    prepare: shop => async () => {
      const em = shop.orm.em.fork();
      const parent = em.create(shop.Order, order(1));
      await em.flush();
      await insertLines(shop, parent.id, children);
      return shop.within(() => milliseconds(() => em.remove(parent).flush()));
    },
  };
}

async function links(shop, kind) {
  const tags = await tagsOf(shop);
  return async () => {
    const em = shop.orm.em.fork();
    const owner = em.create(shop.Order, order(1));
    if (kind === 'removed') owner.tags.add(tags.map(({ id }) => em.getReference(shop.Tag, id)));
    await em.flush();
    const fresh = shop.orm.em.fork();
    const found = await fresh.findOneOrFail(shop.Order, owner.id, { populate: kind === 'added' ? ['tags'] : [] });
    return shop.within(() => {
      if (kind === 'added') found.tags.add(tags.map(({ id }) => fresh.getReference(shop.Tag, id)));
      else found.tags.removeAll();
      return milliseconds(() => fresh.flush());
    });
  };
}

async function tagsOf({ orm, Tag, within }) {
  const em = orm.em.fork();
  const tags = Array.from({ length: 100 }, (_, n) => em.create(Tag, { name: `tag ${n}` }));
  await within(() => em.flush());
  return tags;
}

async function embedded(shop) {
  const em = shop.orm.em.fork();
  const orders = Array.from({ length: 1000 }, (_, n) => em.create(shop.Order, order(n)));
  await shop.within(() => em.flush());
  let n = 0;
  return () =>
    shop.within(() => {
      n += 1;
      for (const one of orders) {
        one.billing.city = `City ${n}`;
        one.shipping.city = `City ${n}`;
      }
      return milliseconds(() => em.flush());
    });
}

const insertLines = (shop, parent, rows) =>
  query(
    shop.database.url,
    `insert into line (article, amount, order_id) select 'article ' || n, n, $1 from generate_series(1, $2::int) n`,
    [parent, rows],
  );

const nativeUpdate = rows => async shop => {
  const parent = await parentOf(shop);
  await insertLines(shop, parent, rows);
  let n = 0;
  return () =>
    shop.within(() =>
      milliseconds(() => shop.orm.em.fork().nativeUpdate(shop.Line, { order: parent }, { amount: ++n })),
    );
};

const nativeDelete = rows => async shop => {
  const parent = await parentOf(shop);
  return async () => {
    await insertLines(shop, parent, rows);
    return shop.within(() => milliseconds(() => shop.orm.em.fork().nativeDelete(shop.Line, { order: parent })));
  };
};

async function parentOf(shop) {
  const em = shop.orm.em.fork();
  const parent = em.create(shop.Order, order(1));
  await shop.within(() => em.flush());
  return parent.id;
}

function report(results) {
  return {
    tables: [
      {
        title: 'Ratio to the untracked work (median of the pairs, with the quartiles)',
        columns: ['', 'ratio', 'untracked, ms', 'tracked, ms', 'added for each row, µs'],
        rows: results.map(each => [
          each.name,
          spread(each.ratio),
          ms(each.untrackedMs),
          ms(each.trackedMs),
          ms(((each.trackedMs - each.untrackedMs) * 1000) / each.rows),
        ]),
      },
    ],
    targets: [],
    details: results,
  };
}
