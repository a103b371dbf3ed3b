import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { SnapshotService } from '@revy/mikro-orm';
import pg from 'pg';
import { Comment, Post } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

// How PostgreSQL goes about statements that come again: with one plan for all values and points.

const ROWS = 5_000;
const CHANGED_LAST = 10;
/** Before all updates, and when ten rows were still to be changed. */
const EARLY = { revision: 2, nearby: ROWS };
const LATE = { revision: 3, nearby: 50 + 2 * ROWS };
type At = typeof EARLY;

let test: TestOrm;
beforeAll(async () => {
  test = await createOrm();
  const em = test.orm.em.fork();
  await em.insertMany(
    Post,
    Array.from({ length: 50 }, (_, index) => ({ title: `${index}`, views: 0 }) as never),
  );
  await em.insertMany(
    Comment,
    Array.from({ length: ROWS }, (_, index) => ({ text: `${index}`, post: 1 + (index % 50) }) as never),
  );
  await em.nativeUpdate(Comment, {}, { text: 'changed' });
  await em.nativeUpdate(Comment, { id: { $lte: CHANGED_LAST } }, { text: 'changed again' });
  await test.database.query('create index on comment (post_id)');
  await test.database.query('vacuum analyze');
}, 120_000);
afterAll(() => test.close());

interface Node {
  readonly 'Relation Name'?: string;
  readonly 'Subplan Name'?: string;
  readonly 'Plan Rows': number;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly Node[];
}

/** The plan of a question that has been prepared, with what came of it at a point. */
async function planOf(
  ask: (em: SqlEntityManager) => Promise<unknown>,
  value: unknown,
  { revision, nearby }: At = EARLY,
): Promise<Node> {
  const snapshots = new SnapshotService(test.orm.em.fork() as SqlEntityManager);
  const sent = await statementsOf(async () => {
    for (const _ of [1, 2, 3]) await snapshots.asOf({ revision }, ask);
  });
  const text = sent.findLast(sql => sql.startsWith('with revy_point'))!;
  const client = new pg.Client({ connectionString: test.database.url });
  await client.connect();
  try {
    await client.query('set plan_cache_mode = force_generic_plan; set jit = off');
    await client.query(`prepare question as ${text}`);
    const literal = client.escapeLiteral(String(value));
    const { rows } = await client.query(
      `explain (analyze, format json) execute question(${literal}, ${revision}, ${nearby})`,
    );
    return (rows as [{ 'QUERY PLAN': [{ Plan: Node }] }])[0]['QUERY PLAN'][0].Plan;
  } finally {
    await client.end();
  }
}

/** How many rows of a table a plan has looked at. */
async function rowsRead(
  table: string,
  ask: (em: SqlEntityManager) => Promise<unknown>,
  value: unknown,
  at?: At,
): Promise<number> {
  return looked(await planOf(ask, value, at), table);
}

function nodes(node: Node): Node[] {
  return [node, ...(node.Plans ?? []).flatMap(nodes)];
}

function looked(node: Node, table: string): number {
  const own = node['Relation Name'] === table ? node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) : 0;
  return (node.Plans ?? []).reduce((sum, child) => sum + looked(child, table), own * node['Actual Loops']);
}

it('one by its key is looked up', async () => {
  expect(await rowsRead('comment', em => em.findOneOrFail(Comment, 7), 7)).toBeLessThan(5);
});

it('several by their keys are looked up', async () => {
  const keys = Array.from({ length: 30 }, (_, index) => 1 + index * 100);
  const read = await rowsRead('comment', em => em.find(Comment, { id: { $in: keys } }), `{${keys.join(',')}}`);
  expect(read).toBeLessThan(100);
});

it('a page in the order of keys stops at its end, with its parents looked up', async () => {
  const page = (em: SqlEntityManager) =>
    em.find(Comment, { id: { $gte: 1000 } }, { limit: 50, orderBy: { id: 1 }, populate: ['post'], strategy: 'joined' });
  expect(await rowsRead('comment', page, 1000)).toBeLessThan(200);
});

it('the rows that there are are what is expected, as far as parameters tell', async () => {
  const plan = await planOf(em => em.find(Comment, { id: { $gte: 0 } }), 0);
  expect(plan['Actual Rows']).toBe(ROWS);
  expect(plan['Plan Rows']).toBeGreaterThan(ROWS / 20);
});

it('children of a parent are found by their index, beside what has changed since', async () => {
  const children = (em: SqlEntityManager) => em.find(Comment, { post: 3 });
  expect(await rowsRead('comment', children, 3, LATE)).toBe(ROWS / 50 + CHANGED_LAST);
  expect(await rowsRead('revy_object_delta', children, 3, LATE)).toBeLessThan(ROWS / 5);
});

it('what has been changed since is worked out once, whatever asks for it', async () => {
  const text = `select count(*) from comment a join comment b on b.id + 1 = a.id where "a"."text" like 'changed%'`;
  const plan = await planOf(em => em.execute(text), 'changed%', LATE);
  const folds = nodes(plan).filter(node => node['Subplan Name'] === 'CTE revy comment past');
  expect(folds.map(node => [node['Actual Rows'], node['Actual Loops']])).toEqual([[CHANGED_LAST, 1]]);
});
