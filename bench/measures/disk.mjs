import { query } from '../support/server.mjs';
import { tidy, withEntrants } from '../support/entrants.mjs';

/** What stays on disk, and what goes through the WAL, for each update of 3 of 10 attributes. */
export const disk = {
  name: 'disk',
  title: 'Disk and WAL of one update of 3 of 10 attributes',
  async run({ serverUrl, isQuick }) {
    const cases = [
      { rows: 1000, updates: isQuick ? 2000 : 20_000 },
      { rows: 1, updates: isQuick ? 500 : 4000 },
    ];
    return withEntrants({ serverUrl, seedRows: 1000 }, async entrants => {
      const results = [];
      for (const entrant of entrants) {
        for (const { rows, updates } of cases)
          results.push({ design: entrant.name, rows, ...(await measure(entrant, rows, updates)) });
      }
      return report(results, cases);
    });
  },
};

async function measure(entrant, rows, updates) {
  const before = await sizes(entrant);
  const wal = [];
  for (let done = 0; done < updates;) {
    const [start] = await query(entrant.database.url, 'select pg_current_wal_insert_lsn() as lsn');
    const batch = Math.min(1000, updates - done);
    for (let i = 0; i < batch; i += rows) await entrant.work.update(rows);
    const [{ bytes }] = await query(entrant.database.url, 'select pg_current_wal_insert_lsn() - $1::pg_lsn as bytes', [
      start.lsn,
    ]);
    wal.push(bytes / batch);
    done += batch;
  }
  const after = await sizes(entrant);
  // The WAL belongs to the whole server: of several batches the smallest had the least of others in it.
  return { diskBytes: (after - before) / updates, walBytes: Math.min(...wal) };
}

async function sizes(entrant) {
  await tidy(entrant);
  const [{ bytes }] = await query(
    entrant.database.url,
    'select coalesce(sum(pg_total_relation_size(t::regclass)), 0)::float8 as bytes from unnest($1::text[]) t',
    [entrant.historyTables],
  );
  return bytes;
}

function report(results, cases) {
  const designs = [...new Set(results.map(each => each.design))];
  const find = (design, rows) => results.find(each => each.design === design && each.rows === rows);
  const heading = ({ rows, updates }) =>
    `${updates.toLocaleString('en')} updates, ${rows.toLocaleString('en')} in a revision`;
  const bytes = find('Revy', 1000).diskBytes;
  return {
    notes: [
      'Disk: history tables with their indexes after VACUUM. WAL: of the flush, so with the row itself; the smallest of the batches.',
    ],
    tables: [
      {
        title: 'Bytes: disk / WAL',
        columns: ['design', ...cases.map(heading)],
        rows: designs.map(design => [
          design,
          ...cases
            .map(({ rows }) => find(design, rows))
            .map(each => `${each.diskBytes.toFixed(0)} / ${each.walBytes.toFixed(0)}`),
        ]),
      },
    ],
    targets: [
      {
        id: 'disk',
        measure: 'disk per update of 3 of 10 attributes, with its indexes',
        wanted: '≤ 450 bytes',
        limit: 450,
        value: bytes,
        shown: `${bytes.toFixed(0)} bytes`,
      },
    ],
    details: results,
  };
}
