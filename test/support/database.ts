import { randomBytes } from 'node:crypto';
import pg from 'pg';

export interface TestDatabase {
  readonly url: string;
  /** Runs SQL on a connection of its own, outside every ORM: what a test uses as its independent eye. */
  query<Row = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<Row[]>;
  drop(): Promise<void>;
}

async function onServer(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** A pool's end() resolves before its connections are gone; to cut them off would be an error that nobody handles. */
async function untilUnused(name: string): Promise<void> {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  for (let attempt = 0; attempt < 30; attempt++) {
    const { rowCount } = await client.query('select from pg_stat_activity where datname = $1', [name]);
    if (rowCount === 0) break;
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  await client.end();
}

/** Connections that were closed here may still be closing there, and `with (force)` would make them fail in a test. */
async function dropWhenUnused(name: string): Promise<void> {
  for (let attempt = 0; attempt < 40; attempt++) {
    try {
      return await onServer(`drop database if exists ${name}`);
    } catch (error) {
      if ((error as { code?: string }).code !== '55006') throw error;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }
  await onServer(`drop database if exists ${name} with (force)`);
}

/** A new, empty database on the server of `DATABASE_URL`: one for each spec file. */
export async function createDatabase(): Promise<TestDatabase> {
  const name = `revy_${randomBytes(6).toString('hex')}`;
  await onServer(`create database ${name}`);
  const url = new URL(process.env.DATABASE_URL!);
  url.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: String(url), max: 2 });
  return {
    url: String(url),
    query: async <Row>(sql: string, values?: unknown[]) => (await pool.query(sql, values)).rows as Row[],
    drop: async () => {
      await pool.end();
      await untilUnused(name);
      await dropWhenUnused(name);
    },
  };
}
