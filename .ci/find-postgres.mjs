// Prints the URL of a PostgreSQL server at 127.0.0.1:5432 on which a test may create databases; exits 1 if there is none.
import pg from 'pg';

async function mayCreateDatabases(url) {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000 });
  try {
    await client.connect();
    const { rows } = await client.query(
      'select rolsuper or rolcreatedb as allowed from pg_roles where rolname = current_user',
    );
    return rows[0]?.allowed === true;
  } catch {
    return false; // nobody answers, or not to us: the next user may do better
  } finally {
    await client.end().catch(() => undefined);
  }
}

const urls = ['root', 'postgres'].flatMap(user =>
  ['test', 'postgres'].map(database => `postgresql://${user}@127.0.0.1:5432/${database}`),
);
process.exitCode = 1;
for (const url of urls) {
  if (!(await mayCreateDatabases(url))) continue;
  console.log(url);
  process.exitCode = 0;
  break;
}
