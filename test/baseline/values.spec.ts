import { RevisionContext, revy } from '@revy/mikro-orm';
import { Sample, sampleSchema } from '../model/sample-in-sql.js';
import { SAMPLES, Specimen, SPECIMEN } from '../model/samples.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

const SampleSchema = sampleSchema();

/** As other programs write them. */
const OF_OTHERS: readonly (readonly [column: string, sql: string])[] = [
  ['double', `'NaN'::float8`],
  ['double', `'-Infinity'::float8`],
  ['double', `'-0'::float8`],
  ['double', `1e22`],
  ['real', `'Infinity'::float4`],
  ['real', `'-0'::float4`],
  ['decimal_free', `'NaN'::numeric`],
  ['decimal_free', `'1.500'::numeric`],
  ['datetime', `'0044-03-15 00:00:00+00 BC'::timestamptz`],
  ['datetime', `'0001-06-15 00:00:00+00 BC'::timestamptz`],
  ['datetime', `'0001-01-01 00:00:00+00'::timestamptz`],
  ['datetime', `'12026-01-01 00:00:00+00'::timestamptz`],
  ['datetime', `'9999-12-31 23:59:59+00'::timestamptz`],
  ['datetime6', `'2026-01-01 00:00:00.123999+00'::timestamptz`],
  ['datetime6', `'1969-12-31 23:59:59.999999+00'::timestamptz`],
  ['datetime6', `'2026-01-01 00:00:00.000001+05:30'::timestamptz`],
  ['date', `'infinity'::date`],
  ['date', `'0044-03-15 BC'::date`],
  ['time', `'24:00:00'::time`],
  ['interval', `'1 year 2 mons -3 days 04:05:06.7'::interval`],
  ['strings', `array['a', null, 'NULL x', ' ', '', 'a"b\\c', '👍']::text[]`],
  ['integers', `array[1, 0, -3]`],
  ['json', `'"text"'::jsonb`],
  ['json', `'null'::jsonb`],
  ['json', `'[]'::jsonb`],
  ['blob', String.raw`decode(repeat('00ff', 200), 'hex')`],
  ['char', `'a'::char(5)`],
  ['string', `E'tab\\t "quoted" \\\\ back'`],
];

describe('what a baseline stores', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm([...SPECIMEN.slice(0, 2), SampleSchema]);
    await RevisionContext.runDisabled(async () => {
      for (const { property, values } of SAMPLES) {
        if (!(property in SampleSchema.meta.properties)) continue;
        for (const { set } of values) {
          const em = test.orm.em.fork();
          em.create(Sample, { [property]: set } as never);
          await em.flush();
        }
      }
    });
    for (const [column, sql] of OF_OTHERS) await test.database.query(`insert into sample (${column}) values (${sql})`);
    await test.database.query('insert into sample (friend_id) values (1)');
  });
  afterAll(() => test.close());

  it('is the very form that a deletion would store of the same row, made by SQL', async () => {
    const sent = await statementsOf(() => revy.baseline(test.orm.em.fork(), Sample));
    expect(sent.map(text => text.split(/\s/)[0])).toEqual(['begin', 'select', 'with', 'commit']);
    const em = test.orm.em.fork();
    for (const sample of await em.find(Sample, {}, { orderBy: { id: 'desc' } })) em.remove(sample);
    await em.flush();
    const pairs = await test.database.query<{ id: string; key: string; baseline: string; deletion: string }>(
      `select b.object_id as id, s.key, s.value::text as baseline, (d.old_values -> s.key)::text as deletion
       from revy_object_delta b join revy_object_delta d on d.object_id = b.object_id and d.action = 'delete',
       jsonb_each(b.state) s where b.version = 1`,
    );
    expect(pairs.length).toBeGreaterThan(5000);
    expect(pairs.filter(({ baseline, deletion }) => baseline !== deletion)).toEqual([]);
    const [row] = await test.database.query(
      `select count(*)::int as n from revy_object_delta b join revy_object_delta d on d.object_id = b.object_id and d.action = 'delete'
       where b.version = 1 and b.state <> d.old_values`,
    );
    expect(row).toEqual({ n: 0 });
  });
});

it('is made in JavaScript where a custom type cannot be expressed in SQL', async () => {
  const test = await createOrm(SPECIMEN);
  await RevisionContext.runDisabled(async () => {
    for (const { property, values } of SAMPLES) {
      for (const { set } of values) {
        const em = test.orm.em.fork();
        em.create(Specimen, { [property]: set } as never);
        await em.flush();
      }
    }
  });
  const sent = await statementsOf(() => revy.baseline(test.orm.em.fork(), Specimen));
  expect(sent.map(text => text.split(/\s/)[0])).toEqual(['begin', 'select', 'select', 'with', 'commit']);
  const em = test.orm.em.fork();
  for (const specimen of await em.find(Specimen, {})) em.remove(specimen);
  await em.flush();
  const wrong = await test.database.query(
    `select b.object_id, b.state, d.old_values from revy_object_delta b
     join revy_object_delta d on d.object_id = b.object_id and d.action = 'delete' where b.version = 1 and b.state <> d.old_values`,
  );
  expect(wrong).toEqual([]);
  const [row] = await test.database.query(
    `select count(*) filter (where version = 1)::int as baselines, count(*)::int as deltas from revy_object_delta`,
  );
  expect(row!['deltas']).toBe(2 * (row!['baselines'] as number));
  await test.close();
});
