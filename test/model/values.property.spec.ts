import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SnapshotService } from '@revy/mikro-orm';
import fc from 'fast-check';
import { createOrm, type TestOrm } from '../support/orm.js';
import { json, seed, text } from '../support/property.js';
import { Specimen, SPECIMEN, valuesOf } from './samples.js';

const decimal = fc
  .tuple(
    fc.boolean(),
    fc.bigInt({ min: 0n, max: 10n ** 9n }),
    fc.string({ unit: fc.integer({ min: 0, max: 9 }).map(String), maxLength: 9 }),
  )
  .map(([isNegative, whole, fraction]) => `${isNegative ? '-' : ''}${whole}${fraction && `.${fraction}`}`);

const date = fc.date({ min: new Date('0100-01-01'), max: new Date('9990-01-01'), noInvalidDate: true });

const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

const specimen = fc.record(
  {
    integer: int,
    bigint: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    decimal,
    decimalNumber: fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    decimalFree: decimal,
    real: fc.float({ noNaN: true, noDefaultInfinity: true }),
    double: fc.double({ noNaN: true, noDefaultInfinity: true }),
    string: text(),
    text: text(200),
    datetime: date,
    datetime0: date,
    datetime3: date,
    localDatetime: date,
    // MikroORM 7.2 writes an element of spaces without quotes, which PostgreSQL refuses
    strings: fc.array(text(8).filter(value => !/^\s+|\s+$|^null$/i.test(value) && !/[\uD800-\uDFFF]/.test(value))),
    integers: fc.array(int, { maxLength: 5 }),
    json: json(),
    blob: fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes)),
    uuid: fc.oneof(
      fc.uuid(),
      fc.uuid().map(uuid => uuid.toUpperCase()),
    ),
    boolean: fc.boolean(),
  },
  { requiredKeys: [] },
);

describe(`values of any content (FC_SEED=${seed})`, () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm(SPECIMEN);
  });
  afterAll(() => test.close());

  async function expectSnapshotsAreLive(ids: readonly number[]): Promise<void> {
    const em = test.orm.em.fork();
    const live = await em.find(Specimen, { id: { $in: ids } } as never);
    expect(live).toHaveLength(ids.length);
    for (const entity of live) {
      const snapshot = await new SnapshotService(em).at(Specimen, entity.id, new Date(Date.now() + 60_000));
      expect(valuesOf(snapshot!.entity)).toStrictEqual(valuesOf(entity));
    }
  }

  it('rebuilds every row as the database holds it, after a create and after an update', async () => {
    expect.hasAssertions();
    const property = fc.asyncProperty(
      fc.array(fc.tuple(specimen, specimen), { minLength: 10, maxLength: 20 }),
      async rows => {
        const em = test.orm.em.fork();
        const entities = rows.map(([before]) => em.create(Specimen, copyOf(before) as never));
        await em.flush();
        await expectSnapshotsAreLive(entities.map(entity => entity.id));
        rows.forEach(([, after], index) => Object.assign(entities[index]!, copyOf(after)));
        await em.flush();
        await expectSnapshotsAreLive(entities.map(entity => entity.id));
        await expectUnbrokenChain(entities.map(entity => entity.id));
      },
    );
    await fc.assert(property, { seed, numRuns: 12, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: false });
  });

  /** What an update replaced is what the create set. */
  async function expectUnbrokenChain(ids: readonly number[]): Promise<void> {
    const broken = await test.database.query(
      `select c.object_id, o.key, o.value as old, c.new_values -> o.key as set
       from revy_object_delta c join revy_object_delta u using (object_type, object_id), jsonb_each(u.old_values) o
       where c.action = 'create' and u.action = 'update' and c.object_id = any ($1)
         and o.value is distinct from c.new_values -> o.key`,
      [ids.map(String)],
    );
    expect(broken).toEqual([]);
  }
});

/** MikroORM keeps what it is given, and fast-check shrinks what it gave. */
function copyOf(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (value instanceof Date) return [name, new Date(value)];
      if (Buffer.isBuffer(value)) return [name, Buffer.from(value)];
      return [name, typeof value === 'object' ? JSON.parse(JSON.stringify(value)) : value];
    }),
  );
}
