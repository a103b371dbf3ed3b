// Runs inside a document's program, as its module `__doc`: marks where blocks end, runs its SQL and shell blocks.
import { spawnSync } from 'node:child_process';
import pg from 'pg';

export function end(step) {
  process.stdout.write(`<<end of block ${step}>>`);
}

/** Servers and pools that a document leaves open must not keep the test waiting. */
export function exit() {
  process.exit();
}

export async function sql(text) {
  const client = new pg.Client({
    connectionString: process.env.DATABASE_URL,
    options: '-c timezone=UTC',
    types: { getTypeParser: () => value => value },
  });
  await client.connect();
  try {
    const results = [await client.query({ text, rowMode: 'array' })].flat();
    for (const { fields, rows } of results) if (fields.length > 0) process.stdout.write(tableOf(fields, rows));
  } finally {
    await client.end();
  }
}

export function sh(command) {
  const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', command], {
    cwd: process.env.REVY_ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  process.stdout.write(stdout);
  if (status !== 0) throw new Error(`${command}\nended with ${status}: ${stderr}`);
}

/** Rows as psql prints them. */
function tableOf(fields, rows) {
  const NUMERIC = [20, 21, 23, 26, 700, 701, 1700];
  const cells = rows.map(row => row.map(value => value ?? ''));
  const widths = fields.map(({ name }, i) => Math.max(name.length, ...cells.map(row => row[i].length)));
  const centre = (text, width) => text.padStart(Math.floor((width + text.length) / 2)).padEnd(width);
  const cell = (text, i) =>
    NUMERIC.includes(fields[i].dataTypeID) ? text.padStart(widths[i]) : text.padEnd(widths[i]);
  const lines = [
    fields.map(({ name }, i) => ` ${centre(name, widths[i])} `).join('|'),
    widths.map(width => '-'.repeat(width + 2)).join('+'),
    ...cells.map(row => row.map((text, i) => ` ${cell(text, i)} `).join('|')),
    `(${rows.length} ${rows.length === 1 ? 'row' : 'rows'})`,
  ];
  return `${lines.map(line => line.trimEnd()).join('\n')}\n`;
}
