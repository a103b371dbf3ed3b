import pg from 'pg';
import { startEmbeddedPg } from '../../test/support/embedded-pg.mjs';

/**
 * The server of `DATABASE_URL`, else an embedded one that syncs to disk as a real one does.
 *
 * Waiting for the disk at each COMMIT is the larger part of a small transaction: `isCommitAsync` leaves it out for our
 * connections, so that the rest can be seen, and the ratios are harsher.
 */
export async function openServer({ isCommitAsync }) {
  const embedded = process.env.DATABASE_URL ? null : await startEmbeddedPg({ durable: true });
  const url = new URL(embedded?.url ?? process.env.DATABASE_URL);
  if (isCommitAsync) url.searchParams.set('options', '-c synchronous_commit=off');
  return describe(String(url), embedded?.stop ?? (async () => {}));
}

async function describe(url, stop) {
  const [settings] = await query(
    url,
    `select current_setting('server_version') as version, current_setting('fsync') as fsync,
            current_setting('synchronous_commit') as "synchronousCommit",
            current_setting('full_page_writes') as "fullPageWrites"`,
  );
  return { url, settings, stop };
}

/** Creates a database of its own; `drop` removes it, whoever is still connected. */
export async function createDatabase(serverUrl, name) {
  const database = `revy_bench_${process.pid}_${name.replaceAll(/\W+/g, '_')}`.toLowerCase();
  await query(serverUrl, `drop database if exists ${database} with (force)`);
  await query(serverUrl, `create database ${database}`);
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return { url: String(url), drop: () => query(serverUrl, `drop database if exists ${database} with (force)`) };
}

/** One statement on a connection of its own, outside every ORM. */
export async function query(url, sql, values) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql, values)).rows;
  } finally {
    await client.end();
  }
}
