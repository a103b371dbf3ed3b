import { openLibrary } from '../support/library.mjs';
import { ms, spread } from '../support/report.mjs';
import { median, milliseconds, ratio, samplePairs } from '../support/sampling.mjs';
import { query } from '../support/server.mjs';

const rows = 10_000;

/** What a write pays for the index with which as-of reading finds what is gone: the bare INSERT, with it and without. */
export const pastIndex = {
  name: 'past-index',
  title: 'What a write pays for the index of what is gone',
  async run({ serverUrl, pairs }) {
    const library = await openLibrary({ serverUrl, articles: 1000, versions: 10 });
    try {
      const { url } = library.database;
      await query(url, withoutIndex);
      const results = [];
      for (const [name, values] of Object.entries(kinds))
        results.push({ name, ...(await measure(url, values, pairs)) });
      return report(results);
    } finally {
      await library.close();
    }
  },
};

const withoutIndex = `
  create table bare_delta (like revy_object_delta including defaults including identity including indexes);
  do $$ declare i text; begin
    for i in select indexname from pg_indexes where tablename = 'bare_delta' and indexdef like '%WHERE%' loop
      execute format('drop index %I', i);
    end loop;
  end $$`;

/** The columns action, old and new values. */
const kinds = {
  updates: `'update', jsonb_build_object('title', 'old ' || i, 'views', i, 'status', 'draft'),
            jsonb_build_object('title', 'new ' || i, 'views', i + 1, 'status', 'final')`,
  'changed links': `'update', '{}'::jsonb, jsonb_build_object('labels', jsonb_build_object('added', array[i], 'removed', array[]::int[]))`,
  deletions: `'delete', jsonb_build_object('title', 'old ' || i, 'views', i, 'status', 'draft', 'language', 'en',
            'summary', 'What article ' || i || ' says in two lines or three', 'author', i), null`,
};

async function measure(url, values, pairs) {
  let first = 0;
  const insert = table => async () => {
    first += rows;
    const sql = `insert into ${table} (revision_id, object_type, object_id, version, action, old_values, new_values)
      select i / 10, 'Article', (i + ${first})::text, 11, ${values} from generate_series(1, ${rows}) i`;
    return milliseconds(() => query(url, sql));
  };
  const sides = { baseline: insert('bare_delta'), entrant: insert('revy_object_delta') };
  for (const side of [sides.baseline, sides.entrant]) await side();
  const samples = await samplePairs({ ...sides, pairs, repeats: 2 });
  const wal = {};
  for (const [side, step] of Object.entries(sides)) wal[side] = await walOf(url, step);
  return { ratio: ratio(samples), bareMs: median(samples.baseline), indexedMs: median(samples.entrant), wal };
}

async function walOf(url, step) {
  await query(url, 'checkpoint');
  const [{ lsn }] = await query(url, 'select pg_current_wal_insert_lsn() as lsn');
  await step();
  const [{ bytes }] = await query(url, 'select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1)::int as bytes', [lsn]);
  return Math.round(bytes / rows);
}

function report(results) {
  return {
    notes: [
      `INSERTs of ${rows.toLocaleString('en')} deltas by SQL, into the table as it is and into one without the partial index. A flush does much else beside.`,
    ],
    tables: [
      {
        title: 'Milliseconds (medians), and bytes of WAL for a delta',
        columns: ['deltas', 'ratio', 'without', 'with', 'WAL without', 'WAL with'],
        rows: results.map(each => [
          each.name,
          spread(each.ratio),
          ms(each.bareMs),
          ms(each.indexedMs),
          String(each.wal.baseline),
          String(each.wal.entrant),
        ]),
      },
    ],
    targets: [],
    details: results,
  };
}
