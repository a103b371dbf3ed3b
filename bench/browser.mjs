// How long each page of the history browser takes over a long history: `npm run build:libs && node bench/browser.mjs`.
import os from 'node:os';
import { defineEntity, p, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { MikroORM } from '@mikro-orm/core';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { NestFactory } from '@nestjs/core';
import { RevyBrowserModule } from '@revy/browser';
import { RevyModule } from '@revy/nestjs';
import pg from 'pg';
import { createDatabase, openServer } from './support/server.mjs';

const REVISIONS = Number(process.env.REVISIONS ?? 100_000);
const ROUNDS = 15;

let queries = 0;
const query = Reflect.get(pg.Client.prototype, 'query');
pg.Client.prototype.query = function (...args) {
  queries++;
  return query.apply(this, args);
};

const person = defineEntity({
  name: 'Person',
  tableName: 'person',
  properties: { id: p.integer().primary(), name: p.string() },
});
const article = defineEntity({
  name: 'Article',
  tableName: 'article',
  properties: {
    id: p.integer().primary(),
    title: p.string(),
    body: p.text(),
    views: p.integer(),
    meta: p.json().nullable(),
    author: () => p.manyToOne(person).nullable(),
  },
});

// Revision n changes one article, or two: one in ten creates, one in a hundred deletes; article 1 has a tenth of them all.
const FILL = `
insert into person select n, 'Person ' || n from generate_series(1, 50) n;
insert into revy_revision (id, recorded_at, description, actor_type, actor_id)
select n, timestamptz '2025-01-01' + n * interval '5 minutes', 'change number ' || n, 'Person', (n % 50 + 1)::text
from generate_series(1, $1::int) n;
insert into revy_object_delta
  (revision_id, action, object_type, object_id, version, actor_type, actor_id, old_values, new_values, state)
select n, case when n = 1 or (n > 10 and n % 10 = 1) then 'create' when n % 100 = 9 and n > 100 then 'delete' else 'update' end,
  'Article',
  case when n = 1 or n % 10 = 0 then '1' when n % 100 = 9 and n > 100 then (n - 8)::text else (n - n % 10 + 1)::text end,
  case when n = 1 then 1 when n % 10 = 0 then n / 10 + 1 else greatest(n % 10, 1) end,
  'Person', (n % 50 + 1)::text,
  case when n = 1 or (n > 10 and n % 10 = 1) then null else jsonb_build_object('title', 'Title ' || n - 1, 'views', n - 1) end,
  case when n % 100 = 9 and n > 100 then null
    when n = 1 or (n > 10 and n % 10 = 1) then jsonb_build_object('title', 'Title ' || n, 'body', repeat('Some words. ', 20), 'views', n, 'meta', null, 'author', n % 50 + 1)
    else jsonb_build_object('title', 'Title ' || n, 'views', n) end,
  case when n % 80 = 70 then jsonb_build_object('title', 'Title ' || n, 'body', repeat('Some words. ', 20), 'views', n, 'meta', null, 'author', 1) end
from generate_series(1, $1::int) n;
insert into article select n, 'Title', repeat('Some words. ', 20), 0, null, 1 from generate_series(1, $1::int, 10) n
where n % 100 <> 1 or n < 100;`;

const half = Math.floor(REVISIONS / 2);
const middle = new Date(Date.UTC(2025, 0, 1) + half * 300_000).toISOString();
const PAGES = {
  feed: '',
  'feed, 50,000 revisions down': '?after=<half>',
  'feed, nothing new': `?newest=${REVISIONS}`,
  'feed, by type and action': '?type=Article&action=create',
  'feed, by actor': '?actor=Person%3A7',
  'feed, by time': `?since=${middle}`,
  'feed, by attribute and value': `?type=Article&attribute=views&value=${half}`,
  revision: `/revisions/${half}`,
  [`object with ${REVISIONS / 10 + 1} versions`]: '/object?type=Article&id=1',
  'the same, in the middle': `/object?type=Article&id=1&at=${half / 10}`,
  'the same, two versions compared': `/object?type=Article&id=1&from=2&to=${half / 10}`,
  'object with few versions': '/object?type=Article&id=50001',
  actor: '/actor?actor=Person%3A7',
  deleted: '/deleted',
  'CSV, 1,000 deltas': '/export.csv',
};

const server = await openServer({ isCommitAsync: true });
const database = await createDatabase(server.url, 'browser');

const labels = { Person: { name: one => one.name } };
const app = await NestFactory.create(
  {
    module: class BenchModule {},
    imports: [
      await MikroOrmModule.forRoot({ driver: PostgreSqlDriver, clientUrl: database.url, entities: [person, article] }),
      RevyModule.forRoot(),
      RevyBrowserModule.forRoot({ canActivate: () => true, labels }),
    ],
  },
  { logger: false },
);
try {
  await app.get(MikroORM).schema.update();
  await fill();
  await app.listen(0, '127.0.0.1');
  await report((await app.getUrl()).replace('[::1]', '127.0.0.1'));
} finally {
  await app.close();
  await database.drop();
  await server.stop();
}

async function fill() {
  const client = new pg.Client(database.url);
  await client.connect();
  for (const statement of FILL.split(';').filter(text => text.trim())) {
    await client.query(statement, statement.includes('$1') ? [REVISIONS] : []);
  }
  await client.query('vacuum analyze');
  await client.end();
}

async function report(base) {
  console.log(
    `${REVISIONS} revisions, ${os.cpus()[0].model}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`,
  );
  const [, cursor] = /after=([^"&]*)"/.exec(await (await fetch(`${base}/history?until=${middle}`)).text()) ?? [];
  for (const [page, path] of Object.entries(PAGES)) {
    const { ms, worst, statements, status } = await measure(`${base}/history${path.replace('<half>', cursor)}`);
    console.log(
      `| ${page} | ${ms.toFixed(0)} | ${worst.toFixed(0)} | ${statements} |${status < 300 ? '' : ` ${status}`}`,
    );
  }
}

/** Median and worst of the times until a page is there whole, and how many statements it took. */
async function measure(address) {
  const times = [];
  let counted = 0;
  let status = 0;
  for (let round = -3; round < ROUNDS; round++) {
    const before = queries;
    const start = performance.now();
    const response = await fetch(address);
    await response.text();
    ({ status } = response);
    if (round >= 0) times.push(performance.now() - start);
    counted = queries - before;
  }
  times.sort((a, b) => a - b);
  return { ms: times[ROUNDS >> 1], worst: times.at(-1), statements: counted, status };
}
