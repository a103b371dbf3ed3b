import pg from 'pg';
import { DemoError } from './demo.errors.js';

/** Drops the demo's own database, if it is there, and makes it anew. Returns its URL. */
export async function recreateDatabase(serverUrl: string, name: string): Promise<string> {
  if (!URL.canParse(serverUrl)) {
    throw new DemoError(`Cannot use DATABASE_URL: it is no URL such as postgresql://user:password@host:5432/database.`);
  }
  const client = new pg.Client({ connectionString: serverUrl });
  try {
    await client.connect();
    await client.query(`drop database if exists ${client.escapeIdentifier(name)} with (force)`);
    await client.query(`create database ${client.escapeIdentifier(name)}`);
  } catch (cause) {
    throw refusal(name, cause as NodeJS.ErrnoException);
  } finally {
    await client.end().catch(() => {});
  }
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return String(url);
}

function refusal(name: string, cause: NodeJS.ErrnoException): DemoError {
  // Node reports a host that answers on none of its addresses without a message.
  const said = cause.message || cause.code;
  return new DemoError(
    `Cannot make the demo's database ${name} on the server of DATABASE_URL: "${said}". ` +
      'The server must be running, PostgreSQL 13 or newer, and let this user create databases.',
    { cause },
  );
}
