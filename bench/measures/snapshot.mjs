import { median, milliseconds, ratio, sampleInTurn, samplePairs } from '../support/sampling.mjs';
import { query } from '../support/server.mjs';
import { attributeRows, subSelect } from '../competitors/attribute-sub-selects.mjs';
import { revyEntrant } from '../competitors/revy.mjs';
import { tidy, withEntrants } from '../support/entrants.mjs';
import { change, newCustomer } from '../support/customer.mjs';
import { ms } from '../support/report.mjs';

const objectsEach = 20;

/** What rebuilding one object costs as its history grows, beside reading the live row. */
export const snapshot = {
  name: 'snapshot',
  title: '`snapshots.at` by the length of the history',
  async run({ serverUrl, pairs, isQuick }) {
    const lengths = isQuick ? [10, 100] : [10, 100, 1000];
    return withEntrants({ serverUrl, designs: [revyEntrant], seedRows: 1000 }, async ([entrant]) => {
      const groups = await writeHistories(entrant, lengths);
      await query(entrant.database.url, attributeRows);
      await tidy(entrant);
      const many = await measureMany(entrant, pairs);
      const results = await measureGroups(entrant, groups, pairs);
      return report(results, many);
    });
  },
};

/** 20 objects for each length, by real flushes. */
async function writeHistories(entrant, lengths) {
  const em = entrant.orm.em.fork();
  const groups = lengths.map(length => ({
    length,
    customers: Array.from({ length: objectsEach }, (_, i) =>
      em.create(entrant.Customer, newCustomer(i), { persist: true }),
    ),
  }));
  await entrant.within(() => em.flush());
  for (let version = 2; version <= Math.max(...lengths); version++) {
    for (const { length, customers } of groups) {
      if (version <= length) customers.forEach((customer, i) => change(customer, version * 100 + i));
    }
    await entrant.within(() => em.flush());
  }
  return Promise.all(
    groups.map(async group => ({
      ...group,
      ids: group.customers.map(({ id }) => id),
      points: await findPoints(entrant, group),
    })),
  );
}

async function findPoints(entrant, { length, customers }) {
  const [{ id: newest }, { id: middle, recordedAt }, { id: oldest }] = await query(
    entrant.database.url,
    `select r.id::text, r.recorded_at as "recordedAt" from revy_object_delta d join revy_revision r on r.id = d.revision_id
     where d.object_id = $1 and d.id in (
       select nth_value(id, n::int) over (order by id rows between unbounded preceding and unbounded following)
       from revy_object_delta, unnest(array[1, $2::int / 2, $2::int]) n where object_id = $1)
     order by r.id desc`,
    [String(customers[0].id), length],
  );
  return {
    'newest, by revision': { revision: Number(newest) },
    'middle, by revision': { revision: Number(middle) },
    'middle, by Date': recordedAt,
    'middle, by version': { version: length / 2 },
    'oldest, by revision': { revision: Number(oldest) },
  };
}

/** All lengths and ways take turns. */
async function measureGroups(entrant, groups, pairs) {
  const { SnapshotService } = await import('@revy/mikro-orm');
  const samplers = Object.fromEntries(
    groups.flatMap(group =>
      Object.entries(waysToRead(entrant, group, SnapshotService)).map(([name, read]) => [
        `${group.length} ${name}`,
        () => millisecondsOfEach(group.ids, read),
      ]),
    ),
  );
  await sampleInTurn(samplers, 3);
  const samples = await sampleInTurn(samplers, pairs);
  return groups.map(({ length }) => {
    const own = Object.entries(samples).filter(([name]) => name.startsWith(`${length} `));
    return {
      length,
      ...Object.fromEntries(own.map(([name, each]) => [name.slice(name.indexOf(' ') + 1), median(each)])),
    };
  });
}

async function millisecondsOfEach(ids, read) {
  const total = await milliseconds(async () => {
    for (const id of ids) await read(id);
  });
  return total / ids.length;
}

function waysToRead(entrant, { points }, SnapshotService) {
  const at = point => async id => {
    const found = await new SnapshotService(entrant.orm.em.fork()).at(entrant.Customer, id, point);
    if (!found?.entity.city) throw new Error(`The snapshot of ${id} is empty.`);
  };
  return {
    'live row': id => entrant.orm.em.fork().findOneOrFail(entrant.Customer, id),
    'sub-select per attribute, newest': id => subSelects(entrant, id, points['newest, by revision'].revision),
    'sub-select per attribute, middle': id => subSelects(entrant, id, points['middle, by revision'].revision),
    ...Object.fromEntries(Object.entries(points).map(([name, point]) => [name, at(point)])),
  };
}

/** 1,000 objects at once, if this Revy can do that yet. */
async function measureMany(entrant, pairs) {
  const { SnapshotService } = await import('@revy/mikro-orm');
  if (!('many' in SnapshotService.prototype)) return null;
  const ids = entrant.work.seededIds;
  const samples = await samplePairs({
    baseline: () => milliseconds(() => entrant.orm.em.fork().find(entrant.Customer, { id: { $in: ids } })),
    entrant: () =>
      milliseconds(() => new SnapshotService(entrant.orm.em.fork()).many(entrant.Customer, ids, new Date())),
    pairs,
  });
  return ratio(samples);
}

const attributes = ['name', 'email', 'phone', 'street', 'city', 'country', 'creditLimit', 'active', 'createdAt'];

async function subSelects(entrant, id, revision) {
  const values = attributes.map(
    attribute => `${subSelect({ type: 'Customer', key: `'${id}'`, attribute, revision })} as "${attribute}"`,
  );
  const [row] = await entrant.orm.em
    .fork()
    .getConnection()
    .execute(`select ${values.join(', ')}`);
  if (!row.city) throw new Error(`The sub-selects of ${id} find nothing.`);
}

function report(results, many) {
  const names = Object.keys(results[0]).filter(name => name !== 'length');
  const [shortest, longest] = [results[0], results.at(-1)];
  const ours = names.filter(name => name.includes(', by '));
  const worst = ours
    .map(name => ({ name, times: longest[name] / shortest[name] }))
    .reduce((a, b) => (a.times > b.times ? a : b));
  return {
    tables: [
      {
        title: 'Milliseconds for one object (medians)',
        columns: ['versions', ...results.map(({ length }) => length.toLocaleString('en')), 'longest by shortest'],
        rows: names.map(name => [
          name,
          ...results.map(each => ms(each[name])),
          (longest[name] / shortest[name]).toFixed(2),
        ]),
      },
    ],
    targets: [
      {
        id: 'snapshot-length',
        measure: `\`snapshots.at\` at ${longest.length} versions by that at ${shortest.length}, worst point (${worst.name})`,
        limit: 1.5,
        value: worst.times,
      },
      ...(many
        ? [
            {
              id: 'snapshot-many',
              measure: '1,000 objects at once, ratio to reading them live',
              limit: 5,
              value: many.median,
            },
          ]
        : []),
    ],
    details: { results, many },
  };
}
