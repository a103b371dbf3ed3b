import fc from 'fast-check';
import type { EntityManager } from '@mikro-orm/postgresql';
import { createOrm, type DeltaRow, type TestOrm } from '../support/orm.js';
import { seed } from '../support/property.js';
import { Account, ACCOUNTS, Tag } from './account.js';

let t: TestOrm;

beforeAll(async () => {
  t = await createOrm(ACCOUNTS);
  t.orm.config.getLogger().warn = () => undefined;
  await t.database.query(`insert into tag select n, 'tag ' || n from generate_series(1, 3) n`);
});
afterAll(async () => t?.close());

const id = fc.integer({ min: 1, max: 3 });
const value = fc.integer({ min: 0, max: 2 });
const attribute = fc.constantFrom('visits', 'secret', 'name', 'owner_id', 'since');
const SQL_VALUES: Readonly<Record<string, (n: number) => string>> = {
  visits: String,
  secret: n => (n === 0 ? 'null' : `'secret ${n}'`),
  name: n => `'name ${n}'`,
  owner_id: n => `(select id from account where id = ${n})`,
  since: n => (n === 0 ? 'null' : `timestamptz '2020-01-0${n}Z'`),
};

/** One statement of SQL that the unit of work knows nothing of. */
const sql = fc.oneof(
  fc
    .tuple(id, attribute, value)
    .map(([key, name, n]) => `update account set ${name} = ${SQL_VALUES[name]!(n)} where id = ${key}`),
  value.map(n => `update account set visits = visits + ${n}`),
  id.map(key => `insert into account (id, name, visits) values (${key}, 'made', ${key}) on conflict do nothing`),
  id.map(key => `delete from account where id = ${key}`),
  fc
    .tuple(id, id)
    .map(
      ([from, to]) =>
        `update account set id = ${to} where id = ${from} and not exists (select from account where id = ${to})`,
    ),
  fc.constant('with gone as (delete from account where id = 1 returning *) select 1'),
  fc
    .tuple(id, id)
    .map(
      ([a, tag]) =>
        `insert into account_tags select ${a}, ${tag} where exists (select from account where id = ${a}) on conflict do nothing`,
    ),
  fc.tuple(id, id).map(([a, tag]) => `delete from account_tags where account_id = ${a} and tag_id = ${tag}`),
  fc
    .tuple(id, id)
    .map(
      ([a, tag]) =>
        `update account_tags set tag_id = ${tag} where account_id = ${a} and tag_id = ${(tag % 3) + 1} and not exists (select from account_tags where account_id = ${a} and tag_id = ${tag})`,
    ),
);

type Step = readonly [
  kind: 'sql' | 'flush' | 'native' | 'savepoint',
  statements: readonly string[],
  key: number,
  n: number,
];

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom('sql', 'sql', 'flush', 'native', 'savepoint'),
  fc.array(sql, { minLength: 1, maxLength: 2 }),
  id,
  value,
);

const EVERYTHING = { populate: ['tags'], filters: false } as const;

/** Through the unit of work: makes, changes or removes an object, and its links. */
async function flush(em: EntityManager, key: number, n: number): Promise<void> {
  em.clear();
  const found = await em.findOne(Account, key, EVERYTHING);
  if (!found) em.create(Account, { id: key, name: `new ${n}`, visits: n } as never, { persist: true });
  else if (n === 2) em.remove(found);
  else {
    Object.assign(found, { name: `flushed ${n}`, visits: found.visits + n, secret: n === 0 ? null : 'flushed' });
    found.tags.set(n === 0 ? [] : [em.getReference(Tag, key)]);
  }
  await em.flush();
}

async function perform(em: EntityManager, [kind, statements, key, n]: Step): Promise<void> {
  if (kind === 'flush') return flush(em, key, n);
  if (kind === 'native') {
    await em.nativeUpdate(Account, key, { visits: n });
    return;
  }
  const run = async (inner: EntityManager) => {
    for (const statement of statements) await inner.execute(statement);
  };
  if (kind === 'sql') return run(em);
  const isTakenBack = new Error('taken back');
  await em
    .transactional(async inner => {
      await run(inner);
      await flush(inner, key, n);
      if (n === 1) throw isTakenBack;
    })
    .catch((error: unknown) => {
      if (error !== isTakenBack) throw error;
    });
}

type State = Record<string, unknown>;

/** What the history says that there is; each delta has to begin where the one before it ended. */
function follow(states: Map<string, State>, deltas: readonly DeltaRow[]): void {
  for (const { object, action, old, new: after } of deltas) {
    const state = states.get(object);
    expect({ object, action, isThere: state !== undefined }).toEqual({ object, action, isThere: action !== 'create' });
    const [before, { tags, ...values }] = [{ ...old, tags: undefined }, { ...after } as State];
    const links = (action === 'delete' ? old!['tags'] : tags) as Record<'added' | 'removed', number[]> | undefined;
    for (const [name, was] of Object.entries(before))
      if (was !== undefined) expect({ object, [name]: was }).toEqual({ object, [name]: state![name] });
    const had = new Set((state?.['tags'] ?? []) as number[]);
    for (const one of links?.added ?? [])
      expect({ object, adds: one, had: had.has(one) }).toEqual({ object, adds: one, had: false });
    for (const one of links?.removed ?? [])
      expect({ object, removes: one, had: had.has(one) }).toEqual({ object, removes: one, had: true });
    const has = [...had, ...(links?.added ?? [])]
      .filter(one => !links?.removed.includes(one))
      .toSorted((a, b) => a - b);
    if (action === 'delete') {
      expect({ object, left: has }).toEqual({ object, left: [] });
      states.delete(object);
    } else states.set(object, { ...state, ...values, tags: has });
  }
}

/** Versions that do not follow each other: those of an object are numbered from 1. */
const WRONG_VERSIONS = `
select object, version, due from (
  select object_type || ':' || object_id as object, version,
         row_number() over (partition by object_type, object_id order by id) as due
  from revy_object_delta
) numbered where version <> due`;

const LIVE = `
select 'Account:' || a.id as object, jsonb_build_object(
  'name', name, 'visits', visits, 'secret', case when secret is not null then '[FILTERED]' end, 'settings', settings,
  'since', to_char(since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'owner', owner_id,
  'tags', array(select tag_id from account_tags where account_id = a.id order by 1)) as state
from account a`;

async function run(transactions: readonly (readonly Step[])[]): Promise<void> {
  await t.database.query('truncate account, account_tags');
  await t.forget();
  const states = new Map<string, State>();
  let seen = 0;
  for (const steps of transactions) {
    await t.orm.em.fork().transactional(async em => {
      for (const one of steps) await perform(em as EntityManager, one);
    });
    const deltas = await t.deltas();
    follow(states, deltas.slice(seen));
    seen = deltas.length;
    expect(await t.database.query(WRONG_VERSIONS)).toEqual([]);
    const live = await t.database.query<{ object: string; state: State }>(LIVE);
    expect(Object.fromEntries(states)).toEqual(Object.fromEntries(live.map(({ object, state }) => [object, state])));
  }
}

it(`records what flushes, native calls and SQL do to the same rows, each thing once (seed ${seed})`, async () => {
  const transactions = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 });
  const numRuns = Number(process.env['FC_RUNS'] ?? 150);
  await fc.assert(fc.asyncProperty(transactions, run), { numRuns, seed });
}, 300_000);
